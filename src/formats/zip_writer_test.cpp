// SPDX-License-Identifier: MIT
// What ZipWriter writes, read by others: unzip, Python and this project's own reader.
#include "formats/zip_writer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string_view>

#include "formats/elf_headers.h"
#include "formats/zip_read.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

// Text that packs well, random bytes that do not, text again: several chunks of each.
std::string mixed_content() {
  std::mt19937_64 random(7);
  std::string content;
  for (int i = 0; content.size() < 3'000'000; ++i) content += fmt::format("line {} of many\n", i);
  for (int i = 0; i < 300'000; ++i) content += encode_number(random(), 8);
  return content + content.substr(0, 1'234'567);
}

class WrittenZips : public ::testing::Test {
 protected:
  const ZipMember like_{.attributes = 0100644u << 16, .time = 0x5c770000, .made_on_unix = true};
  const std::string content_ = mixed_content();

  fs::path write(const std::string& name, unsigned threads) {
    const fs::path path = folder_.path() / name;
    NewFile file(path);
    ZipWriter zip(file, threads);
    hash_ = zip.add(like_, "pkg/mixed.bin", as_byte_span(content_));
    zip.add(like_, "pkg/empty", {});
    zip.add(like_, "pkg/small.txt", as_byte_span(std::string_view("hello")));
    const std::uint64_t size = zip.finish();
    EXPECT_EQ(size, fs::file_size(file.path()));
    file.put_in_place(false);
    return path;
  }

  ScratchFolder folder_;
  Sha256 hash_ = {};
};

// Of a member that changed at its end alone the stream begins as before.
TEST_F(WrittenZips, TakesOverBlocksOfWhatStays) {
  const fs::path first = write("a.zip", 2);
  const MappedFile map = MappedFile::open(first);
  const Zip zip = read_zip(map.bytes(), "a.zip");
  OldStream old{.packed = zip.members[0].packed};
  unpack(
      zip.members[0], [](ByteSpan) { return true; }, &old.starts);
  std::string changed = content_;
  changed.replace(changed.size() - 500'000, 10, "else");
  old.same = {{.from = 0, .to = 0, .size = content_.size() - 500'000},
              {.from = content_.size() - 499'990, .to = changed.size() - 499'990, .size = 499'990}};
  const fs::path second = folder_.path() / "b.zip";
  NewFile file(second);
  ZipWriter writer(file, 2);
  EXPECT_EQ(writer.add(like_, "pkg/mixed.bin", as_byte_span(changed), &old), sha256(as_byte_span(changed)));
  writer.finish();
  file.put_in_place(false);
  folder_.write("want", changed);
  EXPECT_EQ(folder_.run("unzip -p b.zip | cmp - want && unzip -tq b.zip | grep -c 'No errors'"), "1\n");
  const MappedFile again = MappedFile::open(second);
  const std::string_view packed = as_text(read_zip(again.bytes(), "b.zip").members[0].packed);
  EXPECT_EQ(packed.substr(0, packed.size() / 2), as_text(old.packed).substr(0, packed.size() / 2));
}

TEST_F(WrittenZips, WhatItPacksComesOutAgain) {
  write("a.zip", 2);
  EXPECT_EQ(hash_, sha256(as_byte_span(content_)));
  EXPECT_NE(folder_.run("unzip -tq a.zip").find("No errors"), std::string::npos);
  folder_.write("want", content_);
  EXPECT_EQ(
      folder_.run("unzip -qo a.zip && cmp pkg/mixed.bin want && cat pkg/small.txt && stat -c %s pkg/empty"),
      "hello0\n");
  EXPECT_LT(fs::file_size(folder_.path() / "a.zip"), 3'500'000u);
}

TEST_F(WrittenZips, TheNumberOfThreadsDoesNotChangeAByte) {
  EXPECT_EQ(read_file(write("one.zip", 1)), read_file(write("three.zip", 3)));
}

TEST_F(WrittenZips, TakesMembersOverAsTheyLieThere) {
  const fs::path first = write("a.zip", 0);
  const MappedFile map = MappedFile::open(first);
  const Zip old = read_zip(map.bytes(), "a.zip");
  ASSERT_EQ(old.members.size(), 3u);
  EXPECT_TRUE(old.findings.empty());
  const SourceFile source(first);
  {
    NewFile file(folder_.path() / "b.zip");
    ZipWriter zip(file);
    for (const ZipMember& member : old.members) {
      const auto at =
          member.packed.empty() ? 0 : static_cast<std::uint64_t>(member.packed.data() - map.bytes().data());
      zip.take_over(member, "new/" + member.name, source, at);
    }
    zip.finish();
    file.put_in_place(false);
  }
  folder_.write("want", content_);
  EXPECT_EQ(folder_.run("unzip -qo b.zip && cmp new/pkg/mixed.bin want && python3 -m zipfile -t b.zip"),
            "Done testing\n");
}

TEST_F(WrittenZips, ManyMembersGetA64BitDirectory) {
  {
    NewFile file(folder_.path() / "many.zip");
    ZipWriter zip(file);
    for (int i = 0; i < 66'000; ++i) zip.add(like_, fmt::format("{}", i), {});
    zip.finish();
    file.put_in_place(false);
  }
  EXPECT_EQ(folder_.run("python3 -c \"import zipfile; z=zipfile.ZipFile('many.zip'); "
                        "print(len(z.namelist()), z.testzip())\""),
            "66000 None\n");
  const MappedFile map = MappedFile::open(folder_.path() / "many.zip");
  EXPECT_EQ(read_zip(map.bytes(), "many.zip").members.size(), 66'000u);
}

TEST_F(WrittenZips, MembersOfMoreThan4GibibytesKeepTheirSizes) {
  // Taken over as it lies there, a member is not unpacked: its size is what its directory said.
  folder_.write("packed", std::string(100, 'x'));
  const SourceFile source(folder_.path() / "packed");
  const std::string packed = read_file(source.path());
  ZipMember huge = like_;
  huge.method = 8;
  huge.size = 5'000'000'000;
  huge.packed_size = packed.size();
  huge.packed = as_byte_span(packed);
  {
    NewFile file(folder_.path() / "huge.zip");
    ZipWriter zip(file);
    zip.take_over(huge, "huge", source, 0);
    zip.take_over(huge, "again", source, 0);
    zip.finish();
    file.put_in_place(false);
  }
  EXPECT_EQ(
      folder_.run("python3 -c \"import zipfile; print([(i.filename, i.file_size, i.compress_size) for i in "
                  "zipfile.ZipFile('huge.zip').infolist()])\""),
      "[('huge', 5000000000, 100), ('again', 5000000000, 100)]\n");
  const MappedFile map = MappedFile::open(folder_.path() / "huge.zip");
  EXPECT_EQ(read_zip(map.bytes(), "huge.zip").members.at(1).size, 5'000'000'000u);
}

}  // namespace
}  // namespace lathe
