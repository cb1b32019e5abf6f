// SPDX-License-Identifier: MIT
#include "jobs/schedule.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(Schedule, SharedWorkThatNeedsOtherSharedWorkComesAfterIt) {
  const JobCosts jobs = {
      {.shared = true, .seconds = 9, .after = {{1}}}, {.shared = true, .seconds = 5}, {.seconds = 7}};
  const Capacities capacities = {{.slots = 4}, {.slots = 4}};
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}, {2}}, {}, capacities), (Start{{1}, {0}}));
  EXPECT_EQ(next_to_start(jobs, {{0}, {2}}, {{{1}, {0}}}, capacities), std::nullopt);
  EXPECT_EQ(next_to_start(jobs, {{0}, {2}}, {}, capacities), (Start{{0}, {0}}))
      << "also when what it needs failed";
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, capacities), 21);
}

TEST(Schedule, SharedWorkComesFirstThenUnknownThenTheLongest) {
  const JobCosts jobs = {{.seconds = 10}, {.seconds = 300}, {.seconds = 0}, {.shared = true, .seconds = 5}};
  EXPECT_EQ(start_order(jobs), (std::vector<JobIndex>{{3}, {2}, {1}, {0}}));
}

TEST(Schedule, NeverMoreJobsThanMemoryAllows) {
  const JobCosts jobs = {
      {.seconds = 3, .bytes = 10 * gib}, {.seconds = 2, .bytes = 8 * gib}, {.seconds = 1, .bytes = 4 * gib}};
  const Capacities machine = {{.slots = 3, .memory = 16 * gib}};
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}, {2}}, {}, machine), (Start{{0}, {0}}));
  EXPECT_EQ(next_to_start(jobs, {{1}, {2}}, {{{0}, {0}}}, machine), (Start{{2}, {0}}))
      << "the second does not fit, the third does";
  EXPECT_EQ(next_to_start(jobs, {{1}}, {{{0}, {0}}, {{2}, {0}}}, machine), std::nullopt);
}

TEST(Schedule, AJobLargerThanTheMachineRunsAlone) {
  const JobCosts jobs = {{.bytes = 100 * gib}, {.bytes = gib}};
  const Capacities machine = {{.slots = 2, .memory = 16 * gib}};
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}}, {}, machine), (Start{{0}, {0}}));
  EXPECT_EQ(next_to_start(jobs, {{1}}, {{{0}, {0}}}, machine), std::nullopt);
}

TEST(Schedule, AJobThatFitsOneMachineOnlyWaitsForIt) {
  const JobCosts jobs = {{.bytes = 100 * gib}, {.bytes = gib}};
  const Capacities capacities = {{.slots = 1, .memory = 16 * gib}, {.slots = 2, .memory = 128 * gib}};
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}}, {}, capacities), (Start{{0}, {1}}));
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}}, {{{0}, {1}}}, capacities)->builder, BuilderIndex{0});
}

TEST(Schedule, AJobGoesOnlyWhereItCanRunAndToTheFastestForItsLoad) {
  const JobCosts jobs = {{.builders = {{1}}}, {}, {}};
  Capacities capacities = {{.slots = 1}, {.slots = 2, .speed = 3}};
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}, {2}}, {}, capacities), (Start{{0}, {1}}));
  EXPECT_EQ(next_to_start(jobs, {{1}, {2}}, {{{0}, {1}}}, capacities), (Start{{1}, {1}}))
      << "half of a machine three times as fast";
  EXPECT_EQ(next_to_start(jobs, {{2}}, {{{0}, {1}}, {{1}, {1}}}, capacities), (Start{{2}, {0}}));
  capacities[BuilderIndex{1}].slots = 0;  // lost
  EXPECT_EQ(next_to_start(jobs, {{0}, {1}}, {}, capacities), (Start{{1}, {0}}));
  EXPECT_FALSE(may_ever_start(jobs[JobIndex{0}], capacities));
}

TEST(Schedule, NothingStartsBesideWorkThatItWaitsFor) {
  const JobCosts jobs = {{.shared = true}, {}};
  EXPECT_EQ(next_to_start(jobs, {{1}}, {{{0}, {0}}}, {{.slots = 4}, {.slots = 1}}), std::nullopt);
}

TEST(Schedule, TheLongestFirstIsDoneEarlierThanAsGiven) {
  const JobCosts jobs = {{.seconds = 1}, {.seconds = 1}, {.seconds = 2}};
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, {{.slots = 2}}), 2);
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, {{.slots = 1}}), 4);
  EXPECT_DOUBLE_EQ(expected_makespan(jobs, {{.slots = 1}, {.slots = 1, .speed = 2}}), 1.5)
      << "the longest and then another on the faster machine";
  EXPECT_DOUBLE_EQ(expected_makespan({}, {{.slots = 1}}), 0);
}

}  // namespace
}  // namespace lathe
