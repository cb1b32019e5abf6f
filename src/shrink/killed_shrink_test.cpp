// SPDX-License-Identifier: MIT
// Kills shrinks in place with SIGKILL at random moments and right before each change of a file's name: each
// file is the old one or the new one (or gone), and the next shrink leaves what an undisturbed one does, with
// true lists and no journal. LATHE_KILL_MOMENTS: how many moments (100).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "carve/carve_package.h"
#include "inspect/carve_record.h"
#include "os/file.h"
#include "package/place_journal.h"
#include "shrink/shrink.h"
#include "testing/killing.h"
#include "testing/small_environment.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::contents_of;
using testing::FolderContents;
using testing::forever;
using testing::run_for;
using testing::wrong_lists;

int moments() {
  const char* wanted = std::getenv("LATHE_KILL_MOMENTS");
  return wanted ? std::atoi(wanted) : 100;
}

class KilledShrink : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    testing::write_small_environment(folder_, "old");
    options_.carve.targets = parse_carve_targets("12.0");
    shrink(old_, folder_.path() / "reference", options_);
    before_ = contents_of(old_);
    after_ = contents_of(folder_.path() / "reference");
  }

  void begin_again() const {
    fs::remove_all(site_);
    folder_.run("cp -a old site");
  }
  void shrink_it() const {
    const Shrunk shrunk = shrink(site_, site_, options_);
    if (!shrunk.carved.failures.empty()) throw Error({.what = shrunk.carved.failures[0].what});
  }

  // RECORD and checksums are lists, which follow; a manifest tells of the run that wrote it.
  static bool is_list(const std::string& path) {
    return path.ends_with("/RECORD") || path.ends_with("checksums.txt") || path == carve_record_name;
  }

  void expect_old_or_new() {
    const FolderContents now = contents_of(site_);
    int olds = 0, news = 0;
    for (const auto& [path, content] : before_) {
      const auto it = now.find(path);
      const bool gone = it == now.end();
      if (!after_.contains(path)) {
        ASSERT_TRUE(gone || it->second == content) << path;
        (gone ? news : olds) += 1;
        continue;
      }
      ASSERT_FALSE(gone) << path;
      const std::string& wanted = after_.at(path);
      ASSERT_TRUE(it->second == content || it->second == wanted || is_list(path)) << path;
      if (content != wanted && !is_list(path)) (it->second == content ? olds : news) += 1;
    }
    mixed_ += olds != 0 && news != 0;
    unfinished_ += wrong_lists(site_) != "";
  }

  std::size_t carved_in_manifest() const {
    const Json manifest = parse_json(read_file(site_ / carve_record_name), "manifest");
    std::size_t carved = 0;
    for (const Json& file : *manifest.find("files")->array())
      carved += file.text_of("outcome") == "carved" && file.text_of("sha256_before").size() == 64;
    return carved;
  }

  void expect_finished_by_the_next() {
    ASSERT_TRUE(run_for(forever, [this] { shrink_it(); }));
    EXPECT_EQ(wrong_lists(site_), "");
    const FolderContents now = contents_of(site_);
    for (const auto& [path, content] : after_)
      EXPECT_TRUE(now.contains(path) && (now.at(path) == content || is_list(path))) << path;
    for (const auto& [path, content] : now) EXPECT_TRUE(after_.contains(path)) << path << " was left behind";
    // one more where a second name was not given to the new file yet
    EXPECT_GE(carved_in_manifest(), 3u) << "of what was carved before, the record is lost";
  }

  void expect_finished_for_another_gpu() {
    options_.carve.targets = parse_carve_targets("12.0,10.0");
    EXPECT_TRUE(run_for(forever, [this] { shrink_it(); }));
    options_.carve.targets = parse_carve_targets("12.0");
    EXPECT_EQ(wrong_lists(site_), "");
    EXPECT_FALSE(fs::exists(site_ / place_journal_name));
  }

  testing::ScratchFolder folder_;
  const fs::path old_ = folder_.path() / "old", site_ = folder_.path() / "site";
  CarvePackageOptions options_;
  FolderContents before_, after_;
  int mixed_ = 0, unfinished_ = 0;
};

TEST_F(KilledShrink, HasEachFileOldOrNewAndTheNextFinishes) {
  begin_again();
  auto moment = testing::moments_of([this] { shrink_it(); });
  std::mt19937 random(20'260'104);
  for (int i = 0; i < moments(); ++i) {
    begin_again();
    run_for(std::chrono::microseconds(moment(random)), [this] { shrink_it(); });
    expect_old_or_new();
    expect_finished_by_the_next();
    ASSERT_FALSE(HasFailure()) << "round " << i;
  }
}

TEST_F(KilledShrink, IsFinishedFromBeforeEachChangeOfAName) {
  const int changes = testing::kill_before_each_change([this] { begin_again(); }, [this] { shrink_it(); },
                                                       [this] {
                                                         expect_old_or_new();
                                                         expect_finished_by_the_next();
                                                       });
  EXPECT_TRUE(!testing::may_trace() || (changes > 0 && mixed_ > 0 && unfinished_ > 0))
      << changes << " changes, " << mixed_ << " mixed, " << unfinished_
      << " with lists that had not followed";
}

TEST_F(KilledShrink, IsFinishedForAnotherGpuFromBeforeEachChangeOfAName) {
  testing::kill_before_each_change([this] { begin_again(); }, [this] { shrink_it(); },
                                   [this] { expect_finished_for_another_gpu(); });
}

// The second is killed too, and another GPU is asked for in the end.
TEST_F(KilledShrink, IsFinishedAfterSeveralKillsForAnotherGpu) {
  std::mt19937 random(20'260'105);
  begin_again();
  auto moment = testing::moments_of([this] { shrink_it(); });
  for (int i = 0; i < moments() / 4; ++i) {
    begin_again();
    for (int k = 0; k < 3; ++k) run_for(std::chrono::microseconds(moment(random)), [this] { shrink_it(); });
    expect_finished_for_another_gpu();
    ASSERT_FALSE(HasFailure()) << "round " << i;
  }
}

}  // namespace
}  // namespace lathe
