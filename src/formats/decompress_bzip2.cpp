// SPDX-License-Identifier: MIT
#include <bzlib.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "formats/unpack.h"

namespace lathe {
namespace {

// One stream of possibly several that follow each other (pbzip2 writes one for each block).
class Stream {
 public:
  Stream() {
    if (BZ2_bzDecompressInit(&state_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Stream() { BZ2_bzDecompressEnd(&state_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  bz_stream* operator->() { return &state_; }
  int step() { return BZ2_bzDecompress(&state_); }

 private:
  bz_stream state_{};
};

// `packed` loses what was read.
Unpacked unpack_stream(ByteSpan& packed, const UnpackSink& sink) {
  Stream stream;
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
  Unpacked end = unpack_stream(packed, sink);
  while (end == Unpacked::whole && as_text(packed).starts_with("BZh")) end = unpack_stream(packed, sink);
  return end;
}

}  // namespace lathe
