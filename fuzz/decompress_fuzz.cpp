// SPDX-License-Identifier: MIT
// Whatever bytes come in as LZ4, zstd or deflate: exactly the size that was claimed, or an Error, and never
// over the limit. The first byte chooses the format, the next three are the claimed size.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "formats/streams/decompress.h"
#include "formats/streams/inflate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::uint64_t claimed = data[1] | std::uint64_t{data[2]} << 8 | std::uint64_t{data[3]} << 16;
  const lathe::ByteSpan packed = std::as_bytes(std::span(data + 4, size - 4));
  try {
    std::uint64_t got = 0;
    switch (data[0] % 3) {
      case 0: got = lathe::decompress_lz4(packed, claimed, 8 << 20).size(); break;
      case 1: got = lathe::decompress_zstd(packed, claimed, 8 << 20).size(); break;
      default:
        lathe::inflate(packed, claimed, [&](lathe::ByteSpan out) {
          got += out.size();
          return true;
        });
    }
    if (got != claimed) std::abort();
  } catch (const lathe::Error&) {
  }
  return 0;
}
