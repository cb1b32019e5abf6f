// SPDX-License-Identifier: MIT
// What lies at an address (http, https), by the curl program or, where there is none, by python3 (fetch.py):
// the one place that calls them. Addresses may hold passwords: they go by standard input, which no list of
// processes shows.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace lathe {

struct Fetch {
  std::string url;
  std::string accept = {};                          // the Accept header; "": as curl has it
  std::uint64_t largest = std::uint64_t{64} << 20;  // bytes; more are refused
  std::chrono::seconds longest{30};                 // for all of it; zero: as long as bytes come
  std::filesystem::path output = {};                // a file; "": into memory
};

struct Fetched {
  std::string why = {};  // it failed; of people's words, without the address
  int status = 0;        // of the last answer; 0: there was none
  std::string body = {};
  std::string content_type = {};
  std::string url = {};  // after redirects

  bool ok() const { return why.empty(); }
};

Fetched fetch(const Fetch& what);

}  // namespace lathe
