// SPDX-License-Identifier: MIT
#include "os/inside.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <iterator>

#include "base/error.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class InsideFolders : public ::testing::Test {
 protected:
  Inside opened() const {
    scratch_.write("in/sub/a", "text");
    scratch_.write("out/secret", "secret");
    fs::create_symlink("../out", scratch_.path() / "in/link");
    fs::create_symlink("../out/secret", scratch_.path() / "in/file");
    return Inside(scratch_.path() / "in");
  }
  const testing::ScratchFolder scratch_;
  const Inside inside_ = opened();
};

TEST_F(InsideFolders, TellsWhatANameStandsForWithoutFollowingIt) {
  EXPECT_EQ(inside_.kind("sub/a"), Inside::Kind::file);
  EXPECT_EQ(inside_.kind("sub"), Inside::Kind::folder);
  EXPECT_EQ(inside_.kind("file"), Inside::Kind::link);
  EXPECT_EQ(inside_.kind("nowhere/at/all"), Inside::Kind::none);
  ASSERT_EQ(::mkfifo((scratch_.path() / "in/fifo").c_str(), 0600), 0);
  EXPECT_EQ(inside_.kind("fifo"), Inside::Kind::other);
}

TEST_F(InsideFolders, NoLinkIsFollowedByAnything) {
  EXPECT_THROW(inside_.kind("link/secret"), Error);
  EXPECT_THROW(inside_.read("file", 100), Error);
  EXPECT_THROW(inside_.open_or_make("file"), Error);
  EXPECT_THROW(inside_.write_new("link/new", "x"), Error);
  EXPECT_THROW(inside_.write_new("file", "x"), Error);
  EXPECT_THROW(inside_.open_folder("link"), Error);
  EXPECT_THROW(inside_.rename("sub/a", inside_, "link/a"), Error);
  EXPECT_THROW(inside_.link("sub/a", inside_, "link/a"), Error);
  EXPECT_THROW(inside_.rename("link/secret", inside_, "b"), Error);
  EXPECT_EQ(read_file(scratch_.path() / "out/secret"), "secret");
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path() / "out"), {}), 1);
}

TEST_F(InsideFolders, NoNameLeadsOut) {
  for (const char* name : {"../out/secret", "sub/../../out/secret", "/etc/passwd"}) {
    EXPECT_THROW(inside_.read(name, 100), Error) << name;
  }
  EXPECT_THROW(inside_.kind(std::string("a\0b", 3)), Error);
}

TEST_F(InsideFolders, WritesMovesAndLinksFiles) {
  inside_.write_new("new/deep/b", "b");
  EXPECT_THROW(inside_.write_new("new/deep/b", "c"), Error);
  EXPECT_TRUE(inside_.link("new/deep/b", inside_, "c"));
  EXPECT_TRUE(inside_.same("new/deep/b", inside_, "c"));
  EXPECT_FALSE(inside_.same("sub/a", inside_, "c"));
  inside_.rename("new/deep/b", inside_, "sub/a");
  EXPECT_EQ(inside_.read("sub/a", 100), "b");
  inside_.remove_empty_folder("new");
  EXPECT_EQ(inside_.kind("new"), Inside::Kind::folder);
  inside_.remove_empty_folder("new/deep");
  EXPECT_EQ(inside_.kind("new/deep"), Inside::Kind::none);
}

}  // namespace
}  // namespace lathe
