// SPDX-License-Identifier: MIT
#include "base/bytes.h"

#include <fmt/format.h>

#include "base/error.h"

namespace lathe {

void throw_truncated(std::uint64_t offset, std::uint64_t wanted, std::uint64_t size, std::string_view what) {
  throw Error({.what = fmt::format("{} is truncated: {} bytes wanted at offset {}, the end is at {}", what,
                                   wanted, offset, size),
               .next = "the file is damaged or incomplete: fetch or build it again"});
}

std::string_view ByteReader::string_at(std::uint64_t offset) const {
  const std::string_view rest = as_text(at(offset, offset <= size() ? size() - offset : 0));
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) throw_truncated(offset, rest.size() + 1, size(), what_);
  return rest.substr(0, end);
}

std::string encode_number(std::uint64_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

}  // namespace lathe
