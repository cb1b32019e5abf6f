// SPDX-License-Identifier: MIT
// tests/images.py holds what comes out against Python's own reader.
#include "formats/tar.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

// A header of another type; its checksum is made by the one way there is to change a size.
std::string header(char type, std::string_view path, std::uint64_t size) {
  std::string text = tar_file_header(path, 0);
  text[156] = type;
  std::string ordinary = text;
  ordinary[156] = type == 'x' || type == 'g' || type == 'L' || type == 'K' ? '0' : type;
  std::string with_size = tar_headers_with_size(ordinary, size);
  with_size[156] = type;
  unsigned sum = 0;
  for (std::size_t i = 0; i < tar_block; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(with_size[i]);
  with_size.replace(148, 6, fmt::format("{:06o}", sum));
  return with_size;
}

std::string padded(std::string_view content) {
  return std::string(content) + std::string(tar_padding(content.size()), '\0');
}

std::string extension(char type, std::string_view body) {
  return header(type, "PaxHeaders/x", body.size()) + padded(body);
}

struct Seen final : TarReader::Sink {
  struct One {
    TarEntry entry;
    std::string headers, content, padding;
  };
  std::vector<One> all;
  std::string rest;

  void entry(const TarEntry& entry, std::string_view headers) override {
    all.push_back({entry, std::string(headers), "", ""});
  }
  void content(ByteSpan piece) override { all.back().content += as_text(piece); }
  void end_of_entry(std::string_view padding) override { all.back().padding = padding; }
  void trailer(ByteSpan piece) override { rest += as_text(piece); }

  std::string together() const {
    std::string text;
    for (const One& one : all) text += one.headers + one.content + one.padding;
    return text + rest;
  }
};

Seen read(std::string_view archive, std::size_t piece = 1 << 20) {
  Seen seen;
  TarReader reader(seen);
  for (std::size_t at = 0; at < archive.size(); at += piece)
    reader.feed(as_byte_span(archive.substr(at, piece)));
  reader.finish();
  return seen;
}

std::string file(std::string_view path, std::string_view content) {
  return tar_file_header(path, content.size()) + padded(content);
}

const std::string ends(2 * tar_block, '\0');

TEST(TarReader, TellsEntriesWithEveryByteOfThemWhateverThePieces) {
  const std::string archive = file("a", "one") + extension('x', "13 path=long\n") + file("short", "two") +
                              extension('L', std::string("gnu\0", 4)) + file("x", std::string(512, 'y')) +
                              header('5', "folder", 0) + ends + "behind the end";
  for (const std::size_t piece : {1u, 7u, 512u, 100'000u}) {
    const Seen seen = read(archive, piece);
    ASSERT_EQ(seen.all.size(), 4u) << piece;
    EXPECT_EQ(seen.together(), archive) << piece;
    EXPECT_EQ(seen.all[1].entry.path, "long");
    EXPECT_EQ(seen.all[1].content, "two");
    EXPECT_EQ(seen.all[2].entry.path, "gnu");
    EXPECT_TRUE(seen.all[3].entry.is_folder());
    EXPECT_EQ(archive.substr(seen.all[1].entry.content_at, 3), "two");
  }
}

TEST(TarReader, TakesThePaxSizeForTheSize) {
  const Seen seen = read(extension('x', "10 size=3\n") + header('0', "a", 0) + padded("abc") + ends);
  ASSERT_EQ(seen.all.size(), 1u);
  EXPECT_EQ(seen.all[0].content, "abc");
}

TEST(TarReader, AnotherSizeChangesNothingElse) {
  const std::string headers = extension('x', "9 size=3\n24 SCHILY.xattr.user.a=\n") +
                              extension('K', std::string("link\0", 5)) + tar_file_header("a", 3);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{12345678}, std::uint64_t{1} << 34}) {
    Seen seen;
    TarReader reader(seen);
    const std::string changed = tar_headers_with_size(headers, size);
    reader.feed(as_byte_span(changed));
    ASSERT_EQ(seen.all.size(), 1u);
    EXPECT_EQ(seen.all[0].entry.size, size);
    EXPECT_NE(changed.find("24 SCHILY.xattr.user.a=\n"), std::string::npos);
    EXPECT_EQ(tar_headers_with_size(changed, 3), headers) << size;
  }
}

TEST(TarReader, RefusesWhatTwoReadersTakeForTwoThings) {
  const auto refused = [](const std::string& archive) {
    try {
      read(archive + ends);
    } catch (const Error& error) {
      return error.parts().what;
    }
    return std::string("taken");
  };
  const std::string a = file("a", "x");
  EXPECT_NE(
      refused(extension('x', "10 path=b\n") + extension('L', std::string("c\0", 2)) + a).find("two names"),
      std::string::npos);
  EXPECT_NE(refused(extension('x', "10 path=b\n") + extension('x', "10 path=b\n") + a).find("two extended"),
            std::string::npos);
  EXPECT_NE(refused(extension('g', "10 path=b\n") + a).find("for all"), std::string::npos);
  EXPECT_NE(refused(extension('x', "99 path=b\n") + a).find("records"), std::string::npos);
  EXPECT_NE(refused(extension('x', "11 size=-1\n") + a).find("size"), std::string::npos);
  EXPECT_NE(refused(extension('x', std::string("12 path=b\0c\n", 12)) + a).find("zero byte"),
            std::string::npos);
  EXPECT_NE(refused(header('x', "big", 1 << 21)).find("extended header of"), std::string::npos);
  EXPECT_NE(refused(extension('x', "10 path=b\n")).find("another one"), std::string::npos);
  std::string damaged = a;
  damaged[3] = '!';
  EXPECT_NE(refused(damaged).find("no header"), std::string::npos);
  EXPECT_EQ(refused(a), "taken");
}

TEST(TarReader, IsCutShortAnywhereButBetweenEntries) {
  const std::string archive = file("a", "one") + file("b", "two");
  for (std::size_t size = 1; size < archive.size(); ++size) {
    if (size == archive.size() / 2) EXPECT_EQ(read(archive.substr(0, size)).all.size(), 1u);
    else EXPECT_THROW(read(archive.substr(0, size)), Error) << size;
  }
}

}  // namespace
}  // namespace lathe
