// SPDX-License-Identifier: MIT
// Which job runs next. Pure: knows jobs, memory and slots; not what a job does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct JobCost {
  bool shared = false;      // work that others wait for
  double seconds = 0;       // expected; 0: not known, taken as the longest
  std::uint64_t bytes = 0;  // peak memory expected; 0: not known
};

struct MachineRoom {
  unsigned slots = 1;        // jobs at once
  std::uint64_t memory = 0;  // bytes for all jobs together; 0: not limited
};

// Indices of `jobs` in the order in which they should start: shared first, then the longest (the last to end decides when all
// is done), unknown ones before all known ones, else as given.
std::vector<std::size_t> start_order(const std::vector<JobCost>& jobs);

// The first of `waiting` (in start order) that may start now beside `running`: a slot is free, and its memory fits into what the
// others leave. A job that needs more than the machine has runs alone. Shared jobs finish before others start.
std::optional<std::size_t> next_to_start(const std::vector<JobCost>& jobs, const std::vector<std::size_t>& waiting,
                                         const std::vector<std::size_t>& running, const MachineRoom& machine);

// Wall-clock seconds until all are done if each takes what is expected.
double expected_makespan(const std::vector<JobCost>& jobs, const MachineRoom& machine);

}  // namespace lathe
