// SPDX-License-Identifier: MIT
// Which job runs next, and on which machine. Pure: knows jobs, memory and slots; not what a job does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/index.h"

namespace lathe {

using JobIndex = Index<struct JobTag>;
using BuilderIndex = Index<struct BuilderTag>;

struct JobCost {
  bool shared = false;                      // work that others wait for
  double seconds = 0;                       // expected; 0: not known, taken as the longest
  std::uint64_t bytes = 0;                  // peak memory expected; 0: not known
  std::vector<BuilderIndex> builders = {};  // those on which it may run; empty: on all
  // jobs that it needs: it starts when none of them waits or runs
  std::vector<JobIndex> after = {};
};

// What one builder has for jobs.
struct Capacity {
  unsigned slots = 1;        // jobs at once; 0: none, also of a machine that was lost
  std::uint64_t memory = 0;  // bytes for all jobs together; 0: not limited
  double speed = 1;          // against the others
};

using JobCosts = Rows<JobIndex, JobCost>;
using Capacities = Rows<BuilderIndex, Capacity>;

// A job on a builder.
struct Start {
  JobIndex job = {};
  BuilderIndex builder = {};
  bool operator==(const Start&) const = default;
};

// `jobs` in the order in which they should start: shared first, then the longest (the last to end
// decides when all is done), unknown ones before all known ones, else as given.
std::vector<JobIndex> start_order(const JobCosts& jobs);

// The first of `waiting` (in start order) that may start now beside `running`, and where: a slot is free
// there, and its memory fits into what the others leave; of several builders the one that is fastest for its
// load. A job that needs more than any of its builders has runs alone. Shared jobs finish before others
// start, and one that needs another shared job after that one.
std::optional<Start> next_to_start(const JobCosts& jobs, const std::vector<JobIndex>& waiting,
                                   const std::vector<Start>& running, const Capacities& capacities);

// May it ever start? Not when none of its builders has a slot.
bool may_ever_start(const JobCost& job, const Capacities& capacities);

// Wall-clock seconds until all are done if each takes what is expected.
double expected_makespan(const JobCosts& jobs, const Capacities& capacities);

}  // namespace lathe
