// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <lzma.h>

#include <vector>

#include "base/error.h"
#include "formats/unpack.h"

namespace lathe {
namespace {

constexpr std::uint64_t most_memory = std::uint64_t{256} << 20;  // xz -9 needs 65 MB

class Stream {
 public:
  Stream() {
    if (lzma_stream_decoder(&state_, most_memory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~Stream() { lzma_end(&state_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  lzma_stream* operator->() { return &state_; }
  lzma_ret step() { return lzma_code(&state_, LZMA_FINISH); }

 private:
  lzma_stream state_ = LZMA_STREAM_INIT;
};

}  // namespace

Unpacked unpack_xz(ByteSpan packed, const UnpackSink& sink) {
  Stream stream;
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
