// SPDX-License-Identifier: MIT
#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace lathe {
namespace {

TEST(ParallelFor, DoesEveryItemOnce) {
  std::vector<int> done(1000);
  const auto failures = parallel_for(done.size(), [&](std::size_t i) { ++done[i]; }, 4);
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
