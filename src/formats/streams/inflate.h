// SPDX-License-Identifier: MIT
// Decompression of a zip member (raw deflate), through zlib. Bounded: what is decompressed passes through a
// small buffer and stops at the size that the directory claims.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "formats/streams/deflate_blocks.h"

namespace lathe {

struct Inflated {
  std::uint64_t size = 0;
  std::uint32_t crc = 0;  // CRC-32 of what came out; only where all came out
  bool whole = false;     // false: the sink said stop
};

// `sink` gets the output in order and says whether to go on. Error when the data is damaged or more than
// `size` come out. `buffer` is the most that the sink gets at once: 256 KiB fit the second-level cache, 64
// bytes do for a look.
Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                 std::size_t buffer = 256 << 10);

// The same, and where blocks begin (deflate_blocks.h), ascending: some of them, a piece of content apart.
Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink,
                 std::vector<BlockStart>& starts);

// The sum of two runs of bytes, one after the other.
std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size);

}  // namespace lathe
