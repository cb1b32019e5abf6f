// SPDX-License-Identifier: MIT
#include "formats/streams/decompress.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace lathe {
namespace {

// The same 400 bytes ("torchlathe" forty times), packed by the two programs' libraries.
const std::string text = [] {
  std::string result;
  for (int i = 0; i < 40; ++i) result += "torchlathe";
  return result;
}();
const std::string as_lz4{
    "\xaf"
    "torchlathe"
    "\x0a\x00\xff\x6f\x50"
    "lathe",
    21};
const std::string as_zstd{
    "\x28\xb5\x2f\xfd\x60\x90\x00\x8d\x00\x00\x50"
    "torchlathe"
    "\x01\x00\x83\x55\x0b\x12",
    27};

std::string unpack_lz4(std::string_view packed, std::uint64_t size, std::uint64_t limit = 1 << 20) {
  const auto bytes = decompress_lz4(as_byte_span(packed), size, limit);
  return std::string(as_text(bytes));
}

std::string unpack_zstd(std::string_view packed, std::uint64_t size, std::uint64_t limit = 1 << 20) {
  const auto bytes = decompress_zstd(as_byte_span(packed), size, limit);
  return std::string(as_text(bytes));
}

TEST(DecompressLz4, ABlockUnpacksToExactlyWhatTheHeaderClaims) {
  EXPECT_EQ(unpack_lz4(as_lz4, 400), text);
  EXPECT_THROW(unpack_lz4(as_lz4, 399), Error);
  EXPECT_THROW(unpack_lz4(as_lz4, 401), Error);
}

TEST(DecompressLz4, AClaimOfFourGigabytesIsRefusedBeforeMemoryIsTaken) {
  EXPECT_THROW(unpack_lz4(as_lz4, std::uint64_t{4} << 30, std::uint64_t{8} << 30), Error);
  EXPECT_THROW(unpack_lz4(as_lz4, 1 << 19), Error);
}

TEST(DecompressLz4, NoTruncationCrashes) {
  for (std::size_t size = 0; size < as_lz4.size(); ++size) {
    EXPECT_THROW(unpack_lz4(std::string_view(as_lz4).substr(0, size), 400), Error);
  }
}

TEST(DecompressZstd, FramesUnpackToExactlyWhatTheHeaderClaims) {
  EXPECT_EQ(unpack_zstd(as_zstd, 400), text);
  EXPECT_EQ(unpack_zstd(as_zstd + as_zstd, 800), text + text);
  EXPECT_THROW(unpack_zstd(as_zstd, 399), Error);
  EXPECT_THROW(unpack_zstd(as_zstd, 401), Error);
}

TEST(DecompressZstd, TheLimitHoldsWhateverIsClaimed) {
  EXPECT_THROW(unpack_zstd(as_zstd, 400, 399), Error);
  EXPECT_THROW(unpack_zstd(as_zstd, std::uint64_t{4} << 30, std::uint64_t{8} << 30), Error);
}

TEST(DecompressZstd, NoTruncationCrashes) {
  for (std::size_t size = 0; size < as_zstd.size(); ++size) {
    EXPECT_THROW(unpack_zstd(std::string_view(as_zstd).substr(0, size), 400), Error);
  }
}

}  // namespace
}  // namespace lathe
