// SPDX-License-Identifier: MIT
// What is installed below a folder, by package: whose RECORD lists a file. Reads each `.dist-info` once;
// after that it may be asked from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "package/package.h"

namespace lathe {

struct Distribution {
  std::string name;     // "flashinfer-cubin", as METADATA spells it, else as its folder does
  std::string version;  // "0.6.13"
};

class Distributions {
 public:
  // Error when a RECORD cannot be read.
  explicit Distributions(const Package& folder);

  const std::vector<Distribution>& all() const { return all_; }  // by name
  // Index of the one that installed the file at this path; nullopt: no RECORD lists it. Of several that list
  // it the first.
  std::optional<std::size_t> owner(const std::string& path) const;

 private:
  void add(const Package& folder, std::size_t record, const std::string& path);

  std::vector<Distribution> all_;
  std::unordered_map<std::string, std::size_t> owners_;  // by path
};

}  // namespace lathe
