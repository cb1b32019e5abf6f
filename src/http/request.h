// SPDX-License-Identifier: MIT
// What a client asks: the head of an HTTP/1.x request, as bytes from a stranger. Pure.
// Source: RFC 9110, 9112.
// Refused is what two readers could understand in two ways: folded lines, a blank before a colon, two
// lengths; and what a server of files has no use for: bodies, "." and ".." in a path.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lathe {

inline constexpr std::size_t longest_http_head = 16384;  // bytes, the blank line included
inline constexpr std::size_t longest_http_target = 4096;
inline constexpr std::size_t most_http_headers = 100;

struct HttpRequest {
  std::string method = {};  // "GET" or "HEAD"
  std::string path = {};    // "/sm90/simple/torch/", decoded, without its query
  std::map<std::string, std::string, std::less<>> headers = {};  // names in lower case; of several the first
  bool http_1_1 = false;
  bool keep_alive = false;  // the client takes another answer on this connection

  std::string_view header(std::string_view name) const;  // "" without one
};

struct HttpHead {
  std::optional<HttpRequest> request = {};
  int status = 200;      // of the answer, where there is no request
  std::string why = {};  // for that answer
};

// `head`: up to and with the blank line.
HttpHead read_http_head(std::string_view head);

// The bytes of a file of `size` that "bytes=0-99" asks for: begin, end. nullopt: all of it, as for several
// ranges or nonsense. `unsatisfiable`: it asks for none that are there.
struct HttpRange {
  std::optional<std::pair<std::uint64_t, std::uint64_t>> bytes = {};
  bool unsatisfiable = false;
};
HttpRange read_http_range(std::string_view text, std::uint64_t size);

// Is `etag`, with its quotes, among those of If-None-Match?
bool names_etag(std::string_view list, std::string_view etag);

std::string_view http_reason(int status);  // "Not Found"

}  // namespace lathe
