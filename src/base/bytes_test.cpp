// SPDX-License-Identifier: MIT
#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/error.h"

namespace lathe {
namespace {

TEST(ByteReader, ReadsLittleEndianInOrder) {
  const std::string bytes{"\x01\x02\x00\x03\x00\x00\x00", 7};
  ByteReader reader(as_byte_span(bytes));
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u16(), 2);
  EXPECT_EQ(reader.u32(), 3u);
  EXPECT_EQ(reader.left(), 0u);
}

TEST(ByteReader, RefusesToReadPastTheEndAndSaysWhere) {
  ByteReader reader(as_byte_span("abc"), "ELF header");
  reader.skip(2);
  try {
    reader.u32();
    FAIL() << "read past the end";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "ELF header is truncated: 4 bytes wanted at offset 2, the end is at 3");
  }
}

TEST(ByteReader, OffsetsNearTheLargestNumberDoNotWrap) {
  const ByteReader reader(as_byte_span("abc"));
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_THROW(reader.at(largest, 2), Error);
  EXPECT_THROW(reader.at(2, largest), Error);
  EXPECT_THROW(reader.read_at<std::uint64_t>(largest - 3), Error);
}

TEST(ByteReader, AStringWithoutItsZeroIsAnError) {
  const std::string bytes{"ab\0cd", 5};
  const ByteReader reader(as_byte_span(bytes));
  EXPECT_EQ(reader.string_at(0), "ab");
  EXPECT_EQ(reader.string_at(2), "");
  EXPECT_THROW(reader.string_at(3), Error);
  EXPECT_THROW(reader.string_at(6), Error);
}

}  // namespace
}  // namespace lathe
