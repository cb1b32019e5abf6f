// SPDX-License-Identifier: MIT
#include "build/schedule.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace lathe {

std::vector<std::size_t> start_order(const std::vector<JobCost>& jobs) {
  std::vector<std::size_t> order(jobs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t index) {
    const JobCost& job = jobs[index];
    const double length = job.seconds > 0 ? job.seconds : std::numeric_limits<double>::infinity();
    return std::tuple(!job.shared, -length);
  });
  return order;
}

std::optional<std::size_t> next_to_start(const std::vector<JobCost>& jobs, const std::vector<std::size_t>& waiting,
                                         const std::vector<std::size_t>& running, const MachineRoom& machine) {
  if (waiting.empty() || running.size() >= machine.slots) return std::nullopt;
  std::uint64_t used = 0;
  bool shared_running = false;
  for (const std::size_t index : running) {
    used += jobs[index].bytes;
    shared_running = shared_running || jobs[index].shared;
  }
  for (const std::size_t index : waiting) {
    if (shared_running && !jobs[index].shared) return std::nullopt;
    const bool fits = machine.memory == 0 || used + jobs[index].bytes <= machine.memory;
    if (fits || running.empty()) return index;
  }
  return std::nullopt;
}

double expected_makespan(const std::vector<JobCost>& jobs, const MachineRoom& machine) {
  std::vector<std::size_t> waiting = start_order(jobs), running;
  std::vector<double> ends(jobs.size(), 0);
  double now = 0;
  while (!waiting.empty() || !running.empty()) {
    if (const auto next = next_to_start(jobs, waiting, running, machine)) {
      ends[*next] = now + jobs[*next].seconds;
      running.push_back(*next);
      std::erase(waiting, *next);
      continue;
    }
    const auto first = std::ranges::min_element(running, {}, [&](std::size_t index) { return ends[index]; });
    now = ends[*first];
    running.erase(first);
  }
  return now;
}

}  // namespace lathe
