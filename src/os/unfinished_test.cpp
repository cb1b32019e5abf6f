// SPDX-License-Identifier: MIT
#include "os/unfinished.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class UnfinishedFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("lathe-unfinished-{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(UnfinishedFiles, IsGoneUnlessItWasPutInPlace) {
  for (const auto kind : {Unfinished::Kind::file, Unfinished::Kind::folder}) {
    {
      const Unfinished one(folder_ / "a", kind);
      EXPECT_TRUE(fs::exists(one.path()));
    }
    EXPECT_TRUE(fs::is_empty(folder_));
    {
      Unfinished one(folder_ / "a", kind);
      one.put_in_place(Unfinished::Over::what_is_there);
    }
    EXPECT_TRUE(fs::exists(folder_ / "a"));
    fs::remove(folder_ / "a");
  }
}

TEST_F(UnfinishedFiles, OfTwoThatWantOnePlaceTheSecondLosesAndSaysSo) {
  for (const auto kind : {Unfinished::Kind::file, Unfinished::Kind::folder}) {
    Unfinished first(folder_ / "a", kind), second(folder_ / "a", kind);
    first.put_in_place(Unfinished::Over::nothing);
    try {
      second.put_in_place(Unfinished::Over::nothing);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      EXPECT_NE(std::string(error.what()).find("another program has put something here"), std::string::npos);
    }
    fs::remove(folder_ / "a");
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 0);
}

TEST_F(UnfinishedFiles, WhatWasRemovedAndMadeAgainMeanwhileIsNotPutInPlace) {
  for (const auto kind : {Unfinished::Kind::file, Unfinished::Kind::folder}) {
    Unfinished one(folder_ / "a", kind);
    fs::remove_all(one.path());
    if (kind == Unfinished::Kind::folder) fs::create_directory(one.path());
    else write_file_atomically(one.path(), "half");
    EXPECT_THROW(one.put_in_place(Unfinished::Over::nothing), Error);
    EXPECT_FALSE(fs::exists(folder_ / "a"));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(UnfinishedFiles, NamesOf255BytesHaveLeftoversToo) {
  const fs::path place = folder_ / std::string(255, 'n');
  {
    Unfinished one(place, Unfinished::Kind::file);
    EXPECT_EQ(fs::path(one.path()).filename().string().size(), 255u);
    fs::copy_file(one.path(), folder_ / ("." + std::string(243, 'n') + ".Xy3456.new"));
    remove_leftovers(place);
    EXPECT_TRUE(fs::exists(one.path()));
    one.put_in_place(Unfinished::Over::nothing);
  }
  EXPECT_TRUE(fs::exists(place));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(UnfinishedFiles, AFileGetsTheNameOfAnotherInOneStep) {
  write_file_atomically(folder_ / "a", "new");
  write_file_atomically(folder_ / "b", "old");
  link_over(folder_ / "a", folder_ / "b");
  link_over(folder_ / "a", folder_ / "b");
  EXPECT_TRUE(fs::equivalent(folder_ / "a", folder_ / "b"));
  EXPECT_EQ(fs::hard_link_count(folder_ / "a"), 2u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

TEST_F(UnfinishedFiles, RemovesWhatAKilledProgramLeftAndNothingElse) {
  for (const std::string name :
       {".a.Xy3456.new", ".a.b.Xy3456.new", ".a.Xy3456", ".a.Xy345.new", ".a.Xy34-6.new", "a.Xy3456.new"}) {
    write_file_atomically(folder_ / name, "x");
  }
  fs::create_directories(folder_ / ".a.folder.new/inside");
  const Unfinished busy(folder_ / "a", Unfinished::Kind::file),
      busy_too(folder_ / "a", Unfinished::Kind::folder);
  remove_leftovers(folder_ / "a");
  EXPECT_FALSE(fs::exists(folder_ / ".a.Xy3456.new"));
  EXPECT_FALSE(fs::exists(folder_ / ".a.folder.new"));
  EXPECT_TRUE(fs::exists(busy.path()));
  EXPECT_TRUE(fs::exists(busy_too.path()));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 7);
}

}  // namespace
}  // namespace lathe
