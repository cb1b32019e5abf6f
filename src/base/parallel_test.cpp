// SPDX-License-Identifier: MIT
#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "testing/few_threads.h"

namespace lathe {
namespace {

TEST(ParallelFor, DoesEveryItemOnce) {
  std::vector<int> done(1000);
  const auto failures = parallel_for(
      done.size(), [&](std::size_t i) { ++done[i]; }, 4);
  EXPECT_EQ(done, std::vector<int>(1000, 1));
  for (const auto& failure : failures) EXPECT_EQ(failure, nullptr);
}

TEST(ParallelFor, AnItemThatThrowsSpoilsOnlyItself) {
  std::atomic<int> good = 0;
  const auto failures = parallel_for(
      100,
      [&](std::size_t i) {
        if (i % 10 == 0) throw std::runtime_error("no");
        ++good;
      },
      4);
  EXPECT_EQ(good, 90);
  EXPECT_NE(failures[50], nullptr);
  EXPECT_EQ(failures[51], nullptr);
}

TEST(ParallelFor, WhereNoThreadCanBeStartedThisOneDoesAll) {
  const auto in_child = [] {
    if (!testing::refuse_threads()) std::_Exit(77);
    std::vector<int> done(1000);
    parallel_for(
        done.size(), [&](std::size_t i) { ++done[i]; }, 8);
    std::_Exit(done == std::vector<int>(1000, 1) ? 0 : 1);
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

TEST(ParallelForAll, RethrowsTheFirstByIndex) {
  const auto work = [](std::size_t i) {
    if (i >= 3) throw std::runtime_error(std::to_string(i));
  };
  try {
    parallel_for_all(50, work, 4);
    FAIL() << "did not throw";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "3");
  }
}

}  // namespace
}  // namespace lathe
