// SPDX-License-Identifier: MIT
// tests/archives.py holds what is read and written against Nix itself.
#include "formats/nar.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

using namespace std::string_literals;

// As the manual writes it: each word is a string of the archive; after "contents" comes any text.
std::string archive(const std::vector<std::string>& words) {
  std::string bytes;
  for (const std::string& word : words) {
    for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>(word.size() >> (8 * i));
    bytes += word + std::string((8 - word.size() % 8) % 8, '\0');
  }
  return bytes;
}

const std::vector<std::string> small = {
    "nix-archive-1",
    "(",
    "type",
    "directory",  //
    "entry",
    "(",
    "name",
    "a",
    "node",
    "(",
    "type",
    "directory",  //
    "entry",
    "(",
    "name",
    "run",
    "node",
    "(",
    "type",
    "regular",
    "executable",
    "",  //
    "contents",
    "12345",
    ")",
    ")",
    ")",
    ")",  //
    "entry",
    "(",
    "name",
    "b",
    "node",
    "(",
    "type",
    "symlink",
    "target",
    "a/run",  //
    ")",
    ")",  //
    "entry",
    "(",
    "name",
    "c",
    "node",
    "(",
    "type",
    "regular",
    "contents",
    "",  //
    ")",
    ")",  //
    "entry",
    "(",
    "name",
    "d",
    "node",
    "(",
    "type",
    "regular",
    "contents",
    "12345678",
    ")",
    ")",
    ")",
};

struct Told final : TarReader::Sink {
  void entry(const TarEntry& entry, std::string_view headers) override {
    text += entry.path + "|" + entry.type + "|" + std::to_string(entry.size) + entry.link +
            (entry.mode == 0555 ? "x" : "") + " ";
    all += headers;
    at.push_back(entry.content_at);
  }
  void content(ByteSpan piece) override { all += as_text(piece); }
  void end_of_entry(std::string_view end) override { all += end; }
  void trailer(ByteSpan) override { FAIL(); }

  std::string text, all;
  std::vector<std::uint64_t> at;
};

std::string told(std::string_view bytes, std::size_t piece = 1 << 20) {
  Told sink;
  NarReader reader(sink);
  for (std::size_t at = 0; at < bytes.size(); at += piece) reader.feed(as_byte_span(bytes.substr(at, piece)));
  reader.finish();
  EXPECT_EQ(sink.all, bytes);
  return sink.text;
}

std::string refused(std::string_view bytes) {
  try {
    told(bytes);
  } catch (const Error& error) {
    return error.parts().what;
  }
  return "";
}

std::string with(std::string_view word, const std::string& other, std::size_t which = 0) {
  std::vector<std::string> words = small;
  for (std::string& one : words) {
    if (one == word && which-- == 0) one = other;
  }
  return archive(words);
}

TEST(Nar, TellsEveryEntryAndEveryByteInAnyPieces) {
  const std::string bytes = archive(small);
  const std::string expected = "|5|0 a|5|0 a/run|0|5x |e|0 b|2|0a/run c|0|0 d|0|8 |e|0 ";
  for (const std::size_t piece : {1u, 3u, 8u, 64u, 100000u}) EXPECT_EQ(told(bytes, piece), expected) << piece;
  Told sink;
  NarReader reader(sink);
  reader.feed(as_byte_span(bytes));
  EXPECT_EQ(bytes.substr(sink.at[2], 5), "12345");
  EXPECT_TRUE(looks_like_nar(as_byte_span(bytes)));
  EXPECT_FALSE(looks_like_nar(as_byte_span(std::string_view(bytes).substr(0, 23))));
}

TEST(Nar, ReadsAFileThatIsTheRoot) {
  EXPECT_EQ(told(archive({"nix-archive-1", "(", "type", "regular", "contents", "abc", ")"})), "|0|3 ");
  EXPECT_EQ(told(archive({"nix-archive-1", "(", "type", "symlink", "target", "abc", ")"})), "|2|0abc ");
}

TEST(Nar, RefusesWhatNixNeverWrites) {
  EXPECT_EQ(told(with("none", "")).substr(0, 1), "|");
  for (const std::string& name : {".."s, "."s, ""s, "x/y"s, "x\0"s}) EXPECT_NE(refused(with("b", name)), "");
  EXPECT_NE(refused(with("c", "b")).find("comes after"), std::string::npos);
  EXPECT_NE(refused(with("b", "a")), "");
  EXPECT_NE(refused(with("d", "C")), "");
  EXPECT_NE(refused(with("regular", "device")), "");
  EXPECT_NE(refused(with("executable", "setuid")), "");
  EXPECT_NE(refused(with("", "1")), "");
  EXPECT_NE(refused(with("a/run", "")), "");
  EXPECT_NE(refused(with("nix-archive-1", "nix-archive-2")), "");
  EXPECT_NE(refused(with("b", std::string(5000, 'b'))), "");
  EXPECT_NE(refused(archive(small) + "x"), "");
}

TEST(Nar, RefusesAnArchiveThatIsCutAnywhere) {
  const std::string bytes = archive(small);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refused(std::string_view(bytes).substr(0, size)), "") << size;
}

TEST(Nar, RefusesBytesWhereZerosBelong) {
  std::string bytes = archive(small);
  bytes[bytes.find("12345") + 6] = 'x';
  EXPECT_NE(refused(bytes), "");
  bytes = archive(small);
  bytes[bytes.find("run") + 4] = 'x';
  EXPECT_NE(refused(bytes), "");
}

TEST(Nar, RefusesSizesThatNoFileHas) {
  std::string bytes = archive(small);
  bytes[bytes.find("12345") - 2] = 1;  // a size of 2^48 and more
  EXPECT_NE(refused(bytes), "");
  bytes[bytes.find("12345") - 1] = 1;
  EXPECT_NE(refused(bytes).find("size"), std::string::npos);
}

TEST(Nar, GivesFilesAnotherSizeAndAddsSome) {
  struct Other final : TarReader::Sink {
    void entry(const TarEntry& entry, std::string_view headers) override {
      changed = entry.path == "a/run";
      if (entry.path == "b") out += nar_file("a2", "new");
      out += changed ? nar_headers_with_size(headers, 9) + "987654321" : std::string(headers);
    }
    void content(ByteSpan piece) override {
      if (!changed) out += as_text(piece);
    }
    void end_of_entry(std::string_view end) override {
      out += changed ? nar_end_with_size(end, 9) : std::string(end);
    }
    void trailer(ByteSpan) override {}
    std::string out;
    bool changed = false;
  } other;
  NarReader reader(other);
  reader.feed(as_byte_span(archive(small)));
  EXPECT_EQ(told(other.out), "|5|0 a|5|0 a/run|0|9x |e|0 a2|0|3 b|2|0a/run c|0|0 d|0|8 |e|0 ");
}

}  // namespace
}  // namespace lathe
