// SPDX-License-Identifier: MIT
#include "build/schedule.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(Schedule, shared_work_comes_first_then_unknown_then_the_longest) {
  const std::vector<JobCost> jobs = {{.seconds = 10}, {.seconds = 300}, {.seconds = 0}, {.shared = true, .seconds = 5}};
  EXPECT_EQ(start_order(jobs), (std::vector<std::size_t>{3, 2, 1, 0}));
}

TEST(Schedule, never_more_jobs_than_memory_allows) {
  const std::vector<JobCost> jobs = {{.seconds = 3, .bytes = 10 * gib}, {.seconds = 2, .bytes = 8 * gib}, {.seconds = 1, .bytes = 4 * gib}};
  const MachineRoom machine{.slots = 3, .memory = 16 * gib};
  EXPECT_EQ(next_to_start(jobs, {0, 1, 2}, {}, machine), 0U);
  EXPECT_EQ(next_to_start(jobs, {1, 2}, {0}, machine), 2U) << "the second does not fit, the third does";
  EXPECT_EQ(next_to_start(jobs, {1}, {0, 2}, machine), std::nullopt);
}

TEST(Schedule, a_job_larger_than_the_machine_runs_alone) {
  const std::vector<JobCost> jobs = {{.bytes = 100 * gib}, {.bytes = gib}};
  const MachineRoom machine{.slots = 2, .memory = 16 * gib};
  EXPECT_EQ(next_to_start(jobs, {0, 1}, {}, machine), 0U);
  EXPECT_EQ(next_to_start(jobs, {1}, {0}, machine), std::nullopt);
}

TEST(Schedule, nothing_starts_beside_work_that_it_waits_for) {
  const std::vector<JobCost> jobs = {{.shared = true}, {}};
  EXPECT_EQ(next_to_start(jobs, {1}, {0}, {.slots = 4}), std::nullopt);
}

TEST(Schedule, the_longest_first_is_done_earlier_than_as_given) {
  const std::vector<JobCost> jobs = {{.seconds = 1}, {.seconds = 1}, {.seconds = 2}};
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, {.slots = 2}), 2);
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, {.slots = 1}), 4);
  EXPECT_DOUBLE_EQ(expected_makespan({}, {.slots = 1}), 0);
}

}  // namespace
}  // namespace lathe
