// SPDX-License-Identifier: MIT
#include "os/unfinished.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class UnfinishedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("lathe-unfinished-{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(UnfinishedTest, IsGoneUnlessItWasPutInPlace) {
  for (const auto kind : {Unfinished::Kind::file, Unfinished::Kind::folder}) {
    { const Unfinished one(folder_ / "a", kind); EXPECT_TRUE(fs::exists(one.path())); }
    EXPECT_TRUE(fs::is_empty(folder_));
    { Unfinished one(folder_ / "a", kind); one.put_in_place(); }
    EXPECT_TRUE(fs::exists(folder_ / "a"));
    fs::remove(folder_ / "a");
  }
}

TEST_F(UnfinishedTest, RemovesWhatAKilledProgramLeftAndNothingElse) {
  for (const std::string name : {".a.Xy3456.new", ".a.b.Xy3456.new", ".a.Xy3456", ".a.Xy345.new", ".a.Xy34-6.new", "a.Xy3456.new"}) {
    write_file_atomically(folder_ / name, "x");
  }
  fs::create_directories(folder_ / ".a.folder.new/inside");
  const Unfinished busy(folder_ / "a", Unfinished::Kind::file), busy_too(folder_ / "a", Unfinished::Kind::folder);
  remove_leftovers(folder_ / "a");
  EXPECT_FALSE(fs::exists(folder_ / ".a.Xy3456.new"));
  EXPECT_FALSE(fs::exists(folder_ / ".a.folder.new"));
  EXPECT_TRUE(fs::exists(busy.path()));
  EXPECT_TRUE(fs::exists(busy_too.path()));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 7);
}

}  // namespace
}  // namespace lathe
