// SPDX-License-Identifier: MIT
// For tests alone: tar archives of a few files, header for header.
#pragma once

#include <fmt/format.h>

#include <string>

namespace lathe::testing {

// name(100) mode(8) owner(8) group(8) size(12) time(12) checksum(8) type(1) ...: 512 bytes, with the right
// checksum.
inline std::string tar_header(const std::string& name, std::size_t size = 0) {
  std::string block(512, '\0');
  block.replace(0, name.size(), name)
      .replace(100, 7, "0000644")
      .replace(124, 11, fmt::format("{:011o}", size));
  block[156] = '0';
  unsigned sum = 8 * ' ';
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return block.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
}

inline std::string tar_member(const std::string& name, const std::string& content) {
  const std::size_t padding = (512 - content.size() % 512) % 512;
  return tar_header(name, content.size()) + content + std::string(padding, '\0');
}

}  // namespace lathe::testing
