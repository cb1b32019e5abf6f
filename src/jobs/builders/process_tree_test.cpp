// SPDX-License-Identifier: MIT
#include "jobs/builders/process_tree.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace lathe {
namespace {

TEST(ProcessTree, CountsThisProcessAndItsMachine) {
  const auto sums = resident_of_trees({::getpid()});
  EXPECT_GT(sums.at(::getpid()), std::uint64_t{1} << 20);
  EXPECT_LE(available_memory(), total_memory());
  EXPECT_GT(available_memory(), 0u);
}

// A process that ends between the listing and the reading of its file must not end this one.
TEST(ProcessTree, StandsProcessesThatComeAndGo) {
  std::atomic<bool> done = false;
  std::thread spawner([&] {
    while (!done) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(0);
      if (child > 0) ::waitpid(child, nullptr, 0);
    }
  });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(resident_of_trees({::getpid()}).size(), 1u);
  done = true;
  spawner.join();
}

}  // namespace
}  // namespace lathe
