// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/damaged.h"
#include "formats/streams/decompress.h"
#include "formats/streams/unpack.h"

namespace lathe {
namespace {

// A block's length bytes say at most 255 each, so a byte in makes at most 255 bytes out.
constexpr std::uint64_t most_from_one_byte = 255;

}  // namespace

std::vector<std::byte> decompress_lz4(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit) {
  constexpr std::uint64_t largest_block = LZ4_MAX_INPUT_SIZE;
  if (unpacked_size > std::min(limit, largest_block) || packed.size() > largest_block) {
    fail_damaged(fmt::format("an LZ4 image of {} bytes is over the limit", unpacked_size));
  }
  if (unpacked_size / most_from_one_byte > packed.size()) {
    fail_damaged(fmt::format("{} bytes of LZ4 cannot unpack to the {} that are claimed", packed.size(),
                             unpacked_size));
  }
  std::vector<std::byte> out(unpacked_size);
  const int written =
      LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data()), reinterpret_cast<char*>(out.data()),
                          static_cast<int>(packed.size()), static_cast<int>(out.size()));
  if (written < 0 || static_cast<std::uint64_t>(written) != unpacked_size)
    fail_damaged("an LZ4 image is damaged");
  return out;
}

std::string compress_lz4(ByteSpan bytes) {
  if (bytes.size() > LZ4_MAX_INPUT_SIZE)
    fail_damaged(fmt::format("{} bytes are too many for LZ4", bytes.size()));
  const int size = static_cast<int>(bytes.size());
  std::string packed(static_cast<std::size_t>(LZ4_compressBound(size)), '\0');
  const int written = LZ4_compress_HC(reinterpret_cast<const char*>(bytes.data()), packed.data(), size,
                                      static_cast<int>(packed.size()), LZ4HC_CLEVEL_MAX);
  packed.resize(static_cast<std::size_t>(written));
  packed.shrink_to_fit();
  return packed;
}

namespace {

struct FreeFrame {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

}  // namespace

Unpacked unpack_lz4(ByteSpan packed, const UnpackSink& sink) {
  LZ4F_dctx* made_context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&made_context, LZ4F_VERSION))) throw std::bad_alloc();
  const std::unique_ptr<LZ4F_dctx, FreeFrame> context(made_context);
  std::vector<std::byte> room(unpack_piece);
  std::size_t wanted = 1;  // 0: a frame is complete
  while (true) {
    std::size_t made = room.size(), read = packed.size();
    wanted = LZ4F_decompress(context.get(), room.data(), &made, packed.data(), &read, nullptr);
    if (LZ4F_isError(wanted))
      throw Error({.what = fmt::format("the lz4 data is damaged: {}", LZ4F_getErrorName(wanted))});
    packed = packed.subspan(read);
    if (made > 0 && !sink(ByteSpan(room).first(made))) return Unpacked::stopped;
    if (wanted == 0 && packed.empty()) return Unpacked::whole;
    if (made == 0 && read == 0) return Unpacked::cut;
  }
}

}  // namespace lathe
