// SPDX-License-Identifier: MIT
// Kills a carve in place with SIGKILL at 1,000 random moments: the target is always the old file or the whole new one, and
// what was left beside it goes with the next carve.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "carve/carve.h"
#include "carve/test_libraries.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class KilledCarve : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    testing::write_parts(folder_, {{{"sm_80", 90'000}, {"sm_90"}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    testing::link_parts(folder_, "first.so");
    options_.targets = parse_carve_targets("9.0");
    old_ = read_file(folder_.path() / "first.so");
    fs::create_directories(place_.parent_path());
  }

  // In a process of its own, which is killed after `delay`. Did it come to its end before?
  bool carve_for(std::chrono::microseconds delay) {
    const pid_t child = ::fork();
    if (child == 0) {
      int status = 0;
      try {
        carve_file(place_, place_, options_);
      } catch (...) {
        status = 1;
      }
      ::_exit(status);
    }
    if (delay != forever) {
      std::this_thread::sleep_for(delay);
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
  }

  std::size_t files_beside() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(place_.parent_path()), {})) - 1;
  }

  static constexpr std::chrono::microseconds forever{-1};
  testing::ScratchFolder folder_;
  const fs::path place_ = folder_.path() / "place/a.so";
  CarveOptions options_;
  std::string old_;
};

TEST_F(KilledCarve, LeavesTheOldFileOrTheWholeNewOneAtAThousandMoments) {
  write_file_atomically(place_, old_);
  const auto start = Clock::now();
  ASSERT_TRUE(carve_for(forever));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  const std::string carved = read_file(place_);
  ASSERT_LT(carved.size(), old_.size());

  std::mt19937 random(20'260'101);
  std::uniform_int_distribution<std::int64_t> moment(0, whole.count() * 5 / 4);
  int as_before = 0, as_after = 0, left_something = 0;
  write_file_atomically(place_, old_);
  for (int i = 0; i < 1000; ++i) {
    carve_for(std::chrono::microseconds(moment(random)));
    const std::string now = read_file(place_);
    ASSERT_TRUE(now == old_ || now == carved) << "round " << i;
    left_something += files_beside() != 0;
    ASSERT_LE(files_beside(), 1u) << "an earlier leftover was not removed, round " << i;
    (now == old_ ? as_before : as_after) += 1;
    if (now == carved) write_file_atomically(place_, old_);
  }
  EXPECT_GT(as_before, 100);
  EXPECT_GT(left_something, 20);
  EXPECT_GT(as_after, 20);
  ASSERT_TRUE(carve_for(forever));
  EXPECT_EQ(read_file(place_), carved);
  EXPECT_EQ(files_beside(), 0u);
}

}  // namespace
}  // namespace lathe
