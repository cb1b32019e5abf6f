// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/damaged.h"
#include "formats/streams/decompress.h"
#include "formats/streams/stream_packer.h"
#include "formats/streams/unpack.h"
#include "formats/streams/zstd_stream.h"

namespace lathe {
namespace {

constexpr int largest_window_log = 27;  // 128 MB, what the zstd program allows too

struct FreeStream {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::vector<std::byte> decompress_zstd(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit) {
  if (unpacked_size > limit)
    fail_damaged(fmt::format("a zstd image of {} bytes is over the limit", unpacked_size));
  const std::unique_ptr<ZSTD_DCtx, FreeStream> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window_log);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::vector<std::byte> out;
  std::uint64_t filled = 0;
  std::size_t more = 1;
  while (more != 0 || in.pos < in.size) {
    // Memory as output appears: start small, double; one byte past the claim shows that there is more than
    // claimed.
    const std::uint64_t room = std::max<std::uint64_t>(64 << 10, 2 * filled);
    out.resize(std::min(unpacked_size + 1, room));
    if (filled == out.size()) fail_damaged("a zstd image holds more than its header claims");
    ZSTD_outBuffer target{out.data(), out.size(), filled};
    const std::size_t read_before = in.pos;
    more = ZSTD_decompressStream(context.get(), &target, &in);
    if (ZSTD_isError(more)) fail_damaged(fmt::format("a zstd image is damaged: {}", ZSTD_getErrorName(more)));
    if (target.pos == filled && in.pos == read_before) break;  // cut short
    filled = target.pos;
  }
  if (more != 0 || filled != unpacked_size) {
    fail_damaged(
        fmt::format("a zstd image unpacks to {} bytes, its header claims {}", filled, unpacked_size));
  }
  out.resize(filled);
  return out;
}

namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

std::string compress_zstd(ByteSpan bytes, int level) {
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size))
    throw Error(
        {.what = fmt::format("cannot compress: {}", ZSTD_getErrorName(size)), .kind = ErrorKind::fault});
  packed.resize(size);
  packed.shrink_to_fit();
  return packed;
}

struct ZstdCompressor::State {
  ByteSink sink;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ~State() { ZSTD_freeCCtx(context); }

  void run(std::string_view text, ZSTD_EndDirective directive) {
    std::vector<char> room(ZSTD_CStreamOutSize());
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    std::size_t left = 1;
    while (directive == ZSTD_e_continue ? in.pos < in.size : left != 0) {
      ZSTD_outBuffer out{room.data(), room.size(), 0};
      left = ZSTD_compressStream2(context, &out, &in, directive);
      if (ZSTD_isError(left))
        throw Error(
            {.what = fmt::format("cannot compress: {}", ZSTD_getErrorName(left)), .kind = ErrorKind::fault});
      if (out.pos > 0) sink({room.data(), out.pos});
    }
  }
};

ZstdCompressor::ZstdCompressor(ByteSink sink) : state_(new State{.sink = std::move(sink)}) {}
ZstdCompressor::ZstdCompressor(ZstdCompressor&&) noexcept = default;
ZstdCompressor::~ZstdCompressor() = default;
void ZstdCompressor::append(std::string_view text) { state_->run(text, ZSTD_e_continue); }
void ZstdCompressor::flush() { state_->run({}, ZSTD_e_flush); }
void ZstdCompressor::finish() { state_->run({}, ZSTD_e_end); }

Unpacked unpack_zstd(ByteSpan packed, const UnpackSink& sink) {
  const std::unique_ptr<ZSTD_DCtx, FreeStream> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  std::vector<std::byte> room(unpack_piece);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::size_t more = 1;  // 0: a frame is complete
  while (true) {
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t read_before = in.pos;
    more = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(more)) fail_damaged(fmt::format("damaged: {}", ZSTD_getErrorName(more)));
    if (out.pos > 0 && !sink(ByteSpan(room).first(out.pos))) return Unpacked::stopped;
    if (more == 0 && in.pos == in.size) return Unpacked::whole;
    if (out.pos == 0 && in.pos == read_before) return Unpacked::cut;
  }
}

void decompress_zstd_stream(ByteSpan packed, const ByteSink& sink) {
  unpack_zstd(packed, [&](ByteSpan bytes) {
    sink(as_text(bytes));
    return true;
  });
}

namespace {

class ZstdPacker final : public StreamPacker {
 public:
  std::string add(ByteSpan content) override {
    stream_.append(as_text(content));
    return std::exchange(out_, {});
  }
  std::string finish() override {
    stream_.finish();
    return std::exchange(out_, {});
  }

 private:
  std::string out_;
  ZstdCompressor stream_{[this](std::string_view packed) { out_ += packed; }};
};

}  // namespace

std::unique_ptr<StreamPacker> pack_zstd() { return std::make_unique<ZstdPacker>(); }

}  // namespace lathe
