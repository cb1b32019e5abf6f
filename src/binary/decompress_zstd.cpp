// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "binary/decompress.h"

namespace lathe {
namespace {

constexpr int largest_window_log = 27;  // 128 MB, what the zstd program allows too

[[noreturn]] void fail(std::string what) {
  throw Error({.what = std::move(what), .next = "the file is damaged: fetch or build it again"});
}

struct FreeStream {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::vector<std::byte> decompress_zstd(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit) {
  if (unpacked_size > limit) fail(fmt::format("a zstd image of {} bytes is over the limit", unpacked_size));
  const std::unique_ptr<ZSTD_DCtx, FreeStream> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window_log);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::vector<std::byte> out;
  std::uint64_t filled = 0;
  std::size_t more = 1;
  while (more != 0 || in.pos < in.size) {
    // Memory as output appears: start small, double; one byte past the claim shows that there is more than claimed.
    const std::uint64_t room = std::max<std::uint64_t>(64 << 10, 2 * filled);
    out.resize(std::min(unpacked_size + 1, room));
    if (filled == out.size()) fail("a zstd image holds more than its header claims");
    ZSTD_outBuffer target{out.data(), out.size(), filled};
    const std::size_t read_before = in.pos;
    more = ZSTD_decompressStream(context.get(), &target, &in);
    if (ZSTD_isError(more)) fail(fmt::format("a zstd image is damaged: {}", ZSTD_getErrorName(more)));
    if (target.pos == filled && in.pos == read_before) break;  // cut short
    filled = target.pos;
  }
  if (more != 0 || filled != unpacked_size) {
    fail(fmt::format("a zstd image unpacks to {} bytes, its header claims {}", filled, unpacked_size));
  }
  out.resize(filled);
  return out;
}

}  // namespace lathe
