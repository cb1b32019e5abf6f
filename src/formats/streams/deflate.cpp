// SPDX-License-Identifier: MIT
#include "formats/streams/deflate.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "formats/streams/deflate_blocks.h"

namespace lathe {
namespace {

using Compressor = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;

// Its tables, a megabyte, are made once for each thread and level.
libdeflate_compressor* compressor_for(int level) {
  thread_local std::map<int, Compressor> made;
  const auto found = made.find(level);
  if (found != made.end()) return found->second.get();
  Compressor compressor(libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  if (!compressor) throw std::bad_alloc();
  return made.emplace(level, std::move(compressor)).first->second.get();
}

std::string whole_stream(ByteSpan chunk, int level) {
  libdeflate_compressor* compressor = compressor_for(level);
  std::string out(libdeflate_deflate_compress_bound(compressor, chunk.size()), '\0');
  out.resize(libdeflate_deflate_compress(compressor, chunk.data(), chunk.size(), out.data(), out.size()));
  if (out.empty()) throw Error({.what = "libdeflate did not compress a chunk", .kind = ErrorKind::fault});
  return out;
}

// A whole stream into one that may go on at a byte: its last block is no longer marked as the last, and an
// empty stored block fills the byte. A stored block is 3 bits, zero up to the next byte, and its length
// twice, the second time inverted.
void leave_open(std::string& stream, const LastBlock& last) {
  constexpr std::string_view empty_block("\0\0\xff\xff", 4);
  constexpr std::uint64_t block_header = 3;
  stream[last.start / 8] = static_cast<char>(stream[last.start / 8] & ~(1 << last.start % 8));
  if (stream.size() * 8 - last.end < block_header) stream += '\0';
  stream += empty_block;
}

// Stored blocks, which begin at a byte and end at one: is it the last (1), its length, the length inverted.
std::string stored_blocks(ByteSpan chunk, bool last) {
  constexpr std::size_t most = 0xffff;
  std::string out;
  out.reserve(chunk.size() + (chunk.size() / most + 1) * 5);
  do {
    const ByteSpan block = chunk.first(std::min(most, chunk.size()));
    chunk = chunk.subspan(block.size());
    out += last && chunk.empty() ? '\1' : '\0';
    out += encode_number(block.size(), 2) + encode_number(~block.size() & most, 2);
    out += as_text(block);
  } while (!chunk.empty());
  return out;
}

}  // namespace

std::string deflate_chunk(ByteSpan chunk, bool last, int level) {
  if (level == 0) return stored_blocks(chunk, last);
  std::string out = whole_stream(chunk, level);
  if (!last) leave_open(out, find_last_block(out, chunk));
  return out;
}

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

}  // namespace lathe
