// SPDX-License-Identifier: MIT
#include "formats/streams/deflate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "formats/streams/deflate_blocks.h"
#include "formats/streams/inflate.h"

namespace lathe {
namespace {

// Bytes of `kinds` kinds in no order, every other run of them twice.
std::string content(std::size_t size, unsigned kinds, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    std::string run(1 + random() % 300, '\0');
    for (char& c : run) c = static_cast<char>(random() % kinds);
    text += run + (random() % 2 ? run : "");
  }
  text.resize(size);
  return text;
}

std::string joined(const std::string& text, std::size_t chunk, int level) {
  std::string stream;
  for (std::size_t from = 0; from < text.size(); from += chunk) {
    const ByteSpan bytes = as_byte_span(text).subspan(from, std::min(chunk, text.size() - from));
    stream += deflate_chunk(bytes, from + bytes.size() == text.size(), level);
  }
  return stream;
}

std::string unpacked(const std::string& stream, std::size_t size) {
  std::string out;
  inflate(as_byte_span(stream), size, [&](ByteSpan piece) {
    out += as_text(piece);
    return true;
  });
  return out;
}

TEST(Deflate, PartsMakeOneStream) {
  for (const int level : {0, 1, 5, 9, 12}) {
    for (const unsigned kinds : {1U, 2U, 17U, 256U}) {
      for (const std::size_t chunk : {1U, 7U, 1000U, 70'001U}) {
        const std::string text =
            content(chunk * 3 + chunk / 2 + 1, kinds, static_cast<unsigned>(chunk) + kinds);
        EXPECT_EQ(unpacked(joined(text, chunk, level), text.size()), text)
            << "level " << level << ", " << kinds << " kinds, chunks of " << chunk;
      }
    }
  }
}

// Whatever number of bits the last byte of a part has to spare.
TEST(Deflate, PartsEndAtAnyBit) {
  std::vector<bool> seen(8);
  for (std::size_t size = 1; size < 400; ++size) {
    const std::string text = content(size, 40, 7), part = deflate_chunk(as_byte_span(text), true, 6);
    seen[part.size() * 8 - find_last_block(part, as_byte_span(text)).end] = true;
    const std::string twice = deflate_chunk(as_byte_span(text), false, 6) + part;
    EXPECT_EQ(unpacked(twice, size * 2), text + text) << size;
  }
  EXPECT_EQ(std::ranges::count(seen, true), 8);
}

TEST(Deflate, FindsTheLastOfSeveralBlocks) {
  const std::string text = content(1 << 20, 200, 1), stream = deflate_chunk(as_byte_span(text), true, 6);
  const LastBlock last = find_last_block(stream, as_byte_span(text));
  EXPECT_GT(last.start, stream.size());
  EXPECT_EQ(stream[last.start / 8] >> last.start % 8 & 1, 1);
}

TEST(Deflate, ChunksAreHeldAgainstWhatTheyUnpackTo) {
  const std::string stream = deflate_chunk(as_byte_span("abcabcabc"), true, 6);
  EXPECT_THROW(find_last_block(stream, as_byte_span("abcabcabd")), Error);
  EXPECT_THROW(find_last_block(stream, as_byte_span("abcabcab")), Error);
  EXPECT_THROW(find_last_block(stream.substr(0, stream.size() - 1), as_byte_span("abcabcabc")), Error);
}

TEST(Deflate, SumsAreTheSameInPieces) {
  const std::string text = content(100'000, 200, 3);
  const std::uint32_t first = crc32_of(as_byte_span(text).first(1234)),
                      second = crc32_of(as_byte_span(text).subspan(1234));
  EXPECT_EQ(crc32_of(as_byte_span("123456789")), 0xcbf43926U);
  EXPECT_EQ(crc32_of(as_byte_span(text).subspan(1234), first), crc32_of(as_byte_span(text)));
  EXPECT_EQ(crc32_of_both(first, second, text.size() - 1234), crc32_of(as_byte_span(text)));
}

}  // namespace
}  // namespace lathe
