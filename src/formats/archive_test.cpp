// SPDX-License-Identifier: MIT
#include "formats/archive.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

TEST(Archive, ListsTheMembersThatArLists) {
  const ScratchFolder folder;
  folder.write("short.o", "one");
  folder.write("a_name_that_is_far_longer_than_sixteen_letters.o", "seven b");
  folder.run("ar crS lib.a short.o a_name_that_is_far_longer_than_sixteen_letters.o");
  const std::string bytes = read_file(folder.path() / "lib.a");
  Findings findings;
  std::string names;
  std::string contents;
  for (const ArchiveMember& member : read_archive(as_byte_span(bytes), "lib.a", findings)) {
    names += member.name + "\n";
    contents += as_text(member.content);
    EXPECT_EQ(bytes.substr(member.offset, member.content.size()), as_text(member.content));
  }
  EXPECT_EQ(names, folder.run("ar t lib.a"));
  EXPECT_EQ(contents, "oneseven b");
  EXPECT_TRUE(findings.empty());
}

TEST(Archive, AThinArchiveIsRefusedWithTheReason) {
  const ScratchFolder folder;
  folder.write("a.o", "one");
  folder.run("ar crST lib.a a.o");
  const std::string bytes = read_file(folder.path() / "lib.a");
  Findings findings;
  ASSERT_TRUE(looks_like_archive(as_byte_span(bytes)));
  EXPECT_THROW(read_archive(as_byte_span(bytes), "lib.a", findings), Error);
}

TEST(Archive, ATruncatedOneIsReadAsFarAsItGoes) {
  const ScratchFolder folder;
  folder.write("a.o", std::string(100, 'a'));
  folder.write("b.o", std::string(100, 'b'));
  folder.run("ar crS lib.a a.o b.o");
  const std::string bytes = read_file(folder.path() / "lib.a");
  Findings findings;
  EXPECT_EQ(read_archive(as_byte_span(bytes).first(bytes.size() - 10), "lib.a", findings).size(), 1u);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].rule, "archive-damaged");
}

}  // namespace
}  // namespace lathe
