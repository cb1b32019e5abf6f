// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <lz4.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "binary/decompress.h"

namespace lathe {
namespace {

// A block's length bytes say at most 255 each, so a byte in makes at most 255 bytes out.
constexpr std::uint64_t most_from_one_byte = 255;

[[noreturn]] void fail(std::string what) {
  throw Error({.what = std::move(what), .next = "the file is damaged: fetch or build it again"});
}

}  // namespace

std::vector<std::byte> decompress_lz4(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit) {
  constexpr std::uint64_t largest_block = LZ4_MAX_INPUT_SIZE;
  if (unpacked_size > std::min(limit, largest_block) || packed.size() > largest_block) {
    fail(fmt::format("an LZ4 image of {} bytes is over the limit", unpacked_size));
  }
  if (unpacked_size / most_from_one_byte > packed.size()) {
    fail(fmt::format("{} bytes of LZ4 cannot unpack to the {} that are claimed", packed.size(), unpacked_size));
  }
  std::vector<std::byte> out(unpacked_size);
  const int written = LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data()), reinterpret_cast<char*>(out.data()),
                                          static_cast<int>(packed.size()), static_cast<int>(out.size()));
  if (written < 0 || static_cast<std::uint64_t>(written) != unpacked_size) fail("an LZ4 image is damaged");
  return out;
}

}  // namespace lathe
