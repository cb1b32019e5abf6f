// SPDX-License-Identifier: MIT
// The record that a carve left in a folder or a wheel (torchlathe-manifest.json), as somebody else's words:
// `inspect` repeats it beside what the bytes say. Writing it is carve/manifest.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

inline constexpr std::string_view carve_record_name = "torchlathe-manifest.json";
inline constexpr std::uint64_t largest_carve_record = 16 << 20;

struct CarveRecord {
  struct File {
    std::string path, outcome, sha256_before;
    std::uint64_t size_before = 0, size_after = 0;
    std::string code_before, code_after;
  };
  std::string path;  // of the record
  std::string tool;
  std::vector<std::string> gpus;
  std::vector<File> files;
  unsigned earlier = 0;  // carves before this one
};

// nullopt: this is not such a record.
std::optional<CarveRecord> read_carve_record(std::string_view json, const std::string& path);

}  // namespace lathe
