// SPDX-License-Identifier: MIT
// Decompression and compression of a zip member (raw deflate), through zlib. Bounded: what is decompressed
// passes through a small buffer and stops at the size that the directory claims; what is compressed comes in
// chunks that don't wait for each other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"

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

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before = 0);
// Of two runs of bytes, one after the other.
std::uint32_t crc32_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_size);

// Part of one deflate stream: the parts of all chunks in order make it whole. `before`: what precedes the
// chunk (up to 32 KiB of it count); `last`: no chunk follows.
std::string deflate_chunk(ByteSpan chunk, ByteSpan before, bool last, int level);

}  // namespace lathe
