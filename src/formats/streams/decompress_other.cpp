// SPDX-License-Identifier: MIT
// Streams that are only looked into: bzip2, xz.
#include <bzlib.h>
#include <fmt/format.h>
#include <lzma.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/unpack.h"

namespace lathe {
namespace {

// One stream of possibly several that follow each other (pbzip2 writes one for each block).
class Bzip2Stream {
 public:
  Bzip2Stream() {
    if (BZ2_bzDecompressInit(&state_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2Stream() { BZ2_bzDecompressEnd(&state_); }
  Bzip2Stream(const Bzip2Stream&) = delete;
  Bzip2Stream& operator=(const Bzip2Stream&) = delete;
  bz_stream* operator->() { return &state_; }
  int step() { return BZ2_bzDecompress(&state_); }

 private:
  bz_stream state_{};
};

// `packed` loses what was read.
Unpacked unpack_bzip2_stream(ByteSpan& packed, const UnpackSink& sink) {
  Bzip2Stream stream;
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    const std::size_t fed = std::min<std::size_t>(packed.size(), std::numeric_limits<unsigned>::max());
    // libbz2 only reads it
    stream->next_in = const_cast<char*>(reinterpret_cast<const char*>(packed.data()));
    stream->avail_in = static_cast<unsigned>(fed);
    stream->next_out = reinterpret_cast<char*>(room.data());
    stream->avail_out = static_cast<unsigned>(room.size());
    const int status = stream.step();
    const std::size_t read = fed - stream->avail_in;
    const std::size_t made = room.size() - stream->avail_out;
    packed = packed.subspan(read);
    if (status != BZ_OK && status != BZ_STREAM_END) throw Error({.what = "the bzip2 data is damaged"});
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == BZ_STREAM_END) return Unpacked::whole;
    if (made == 0 && read == 0) return Unpacked::cut;
  }
}

}  // namespace

Unpacked unpack_bzip2(ByteSpan packed, const UnpackSink& sink) {
  Unpacked end = unpack_bzip2_stream(packed, sink);
  while (end == Unpacked::whole && as_text(packed).starts_with("BZh"))
    end = unpack_bzip2_stream(packed, sink);
  return end;
}

namespace {

constexpr std::uint64_t most_memory = std::uint64_t{256} << 20;  // xz -9 needs 65 MB

class XzStream {
 public:
  XzStream() {
    if (lzma_stream_decoder(&state_, most_memory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzStream() { lzma_end(&state_); }
  XzStream(const XzStream&) = delete;
  XzStream& operator=(const XzStream&) = delete;
  lzma_stream* operator->() { return &state_; }
  lzma_ret step() { return lzma_code(&state_, LZMA_FINISH); }

 private:
  lzma_stream state_ = LZMA_STREAM_INIT;
};

}  // namespace

Unpacked unpack_xz(ByteSpan packed, const UnpackSink& sink) {
  XzStream stream;
  stream->next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream->avail_in = packed.size();
  std::vector<std::byte> room(unpack_piece);
  while (true) {
    stream->next_out = reinterpret_cast<std::uint8_t*>(room.data());
    stream->avail_out = room.size();
    const lzma_ret status = stream.step();
    const std::size_t made = room.size() - stream->avail_out;
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (status == LZMA_STREAM_END) return Unpacked::whole;
    if (status == LZMA_BUF_ERROR) return Unpacked::cut;
    if (status == LZMA_MEMLIMIT_ERROR)
      throw Error({.what = "the xz data needs more memory than a look is worth"});
    if (status != LZMA_OK)
      throw Error({.what = fmt::format("the xz data is damaged (liblzma: {})", static_cast<int>(status))});
  }
}

}  // namespace lathe
