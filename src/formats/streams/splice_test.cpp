// SPDX-License-Identifier: MIT
#include "formats/streams/splice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/streams/deflate.h"
#include "formats/streams/deflate_again.h"
#include "formats/streams/inflate.h"

namespace lathe {
namespace {

// Words that come again within the window, and random bytes between them.
std::string some_content(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::string> words(200);
  for (std::string& word : words) {
    for (int i = 0; i < 40; ++i) word += static_cast<char>(random());
  }
  std::string content;
  while (content.size() < size) {
    content += words[random() % words.size()];
    content += static_cast<char>(random());
  }
  return content;
}

std::string zlibs(const std::string& content, int level) {
  std::string out;
  ZlibDeflate deflate({.level = level, .memory = 8}, [&](ByteSpan bytes) { out += as_text(bytes); });
  deflate.add(as_byte_span(content));
  deflate.finish();
  return out;
}

std::string comes_out(const std::string& stream, std::size_t size) {
  std::string out;
  inflate(as_byte_span(stream), size, [&](ByteSpan bytes) {
    out += as_text(bytes);
    return true;
  });
  return out;
}

OldStream old_stream(const std::string& packed, std::size_t size) {
  OldStream old{.packed = as_byte_span(packed)};
  inflate(
      as_byte_span(packed), size, [](ByteSpan) { return true; }, old.starts);
  return old;
}

// What ZipWriter does: splices, and chunks between them.
std::string packed_anew(const OldStream& old, const std::string& content) {
  std::string out;
  std::uint64_t at = 0;
  const auto chunk = [&](std::uint64_t end, bool last) {
    out += deflate_chunk(as_byte_span(content).subspan(at, end - at), last, 5);
  };
  for (const Splice& splice : find_splices(old, content.size())) {
    chunk(splice.begin, false);
    take_blocks(old.packed, splice, [&](std::string_view bytes) { out += bytes; });
    at = splice.end;
  }
  chunk(content.size(), true);
  return out;
}

class Splices : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, Splices, ::testing::Values(1, 6, 9));

TEST_P(Splices, OfAContentThatLostItsMiddleUnpackToTheNewOne) {
  const std::string before = some_content(6'000'000, 1);
  const std::string packed = zlibs(before, GetParam());
  OldStream old = old_stream(packed, before.size());
  ASSERT_GT(old.starts.size(), 20u);
  EXPECT_EQ(old.starts[0], BlockStart{});
  for (const std::uint64_t cut : {1'000'000u, 1'000'001u, 2'345'679u}) {
    const std::string after = before.substr(0, cut) + "something new" + before.substr(cut + 1'700'000);
    old.same = {{.from = 0, .to = 0, .size = cut},
                {.from = cut + 1'700'000, .to = cut + 13, .size = before.size() - cut - 1'700'000}};
    EXPECT_EQ(find_splices(old, after.size()).size(), 2u);
    EXPECT_EQ(comes_out(packed_anew(old, after), after.size()), after);
  }
}

// Blocks look back: those that begin within 32 KiB of what changed are packed anew.
TEST(Splice, BeginsAWindowBehindWhatChanged) {
  const std::string before = some_content(4'000'000, 2);
  const std::string packed = zlibs(before, 6);
  OldStream old = old_stream(packed, before.size());
  old.same = {{.from = 500'000, .to = 600'000, .size = 3'000'000}};
  const std::vector<Splice> found = find_splices(old, 3'700'000);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_GE(found[0].begin, 600'000u + 32'768u);
  EXPECT_LE(found[0].end, 3'600'000u);
  old.same[0].from = 0;
  EXPECT_GE(find_splices(old, 3'700'000)[0].begin, 600'000u + 32'768u) << "something else is before it now";
}

TEST(Splice, ShortRunsAndTheLastBlockAreLeft) {
  const std::string before = some_content(1'000'000, 3);
  const std::string packed = zlibs(before, 6);
  OldStream old = old_stream(packed, before.size());
  old.same = {{.from = 0, .to = 0, .size = 200'000}};
  EXPECT_TRUE(find_splices(old, 200'000).empty());
  old.same = {{.from = 0, .to = 0, .size = before.size()}};
  const std::vector<Splice> all = find_splices(old, before.size());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LT(all[0].end, before.size());
  EXPECT_EQ(comes_out(packed_anew(old, before), before.size()), before);
  EXPECT_LT(packed_anew(old, before).size(), packed.size() + 20'000) << "its last blocks, without a window";
}

// What a stored block pads depends on where it begins.
TEST(Splice, StoredBlocksBetweenOthersAreTakenToo) {
  std::mt19937 random(5);
  std::string before;
  for (int i = 0; i < 30; ++i) {
    before += some_content(100'000 + random() % 1000, 10 + static_cast<unsigned>(i));
    for (int k = 0; k < 90'000; ++k) before += static_cast<char>(random());
  }
  const std::string packed = zlibs(before, 6);
  OldStream old = old_stream(packed, before.size());
  std::set<std::uint64_t> bits;
  for (const std::uint64_t cut : {100'000u, 700'000u, 1'400'000u, 2'100'000u, 2'900'000u, 3'500'000u}) {
    const std::string after = before.substr(cut);
    old.same = {{.from = cut, .to = 0, .size = after.size()}};
    bits.insert(find_splices(old, after.size()).at(0).first_bit % 8);
    EXPECT_EQ(comes_out(packed_anew(old, after), after.size()), after);
  }
  EXPECT_GT(bits.size(), 2u) << "odd and even ones";
}

TEST(Splice, StoredBlocksAreTakenToo) {
  std::mt19937 random(4);
  std::string before(3'000'000, '\0');
  std::ranges::generate(before, [&] { return static_cast<char>(random()); });
  const std::string packed = zlibs(before, 6);
  OldStream old = old_stream(packed, before.size());
  const std::string after = before.substr(1'234'567);
  old.same = {{.from = 1'234'567, .to = 0, .size = after.size()}};
  EXPECT_EQ(find_splices(old, after.size()).size(), 1u);
  EXPECT_EQ(comes_out(packed_anew(old, after), after.size()), after);
}

}  // namespace
}  // namespace lathe
