// SPDX-License-Identifier: MIT
#include "jobs/schedule.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace lathe {

std::vector<JobIndex> start_order(const JobCosts& jobs) {
  std::vector<JobIndex> order = jobs.ids();
  std::ranges::stable_sort(order, {}, [&](JobIndex index) {
    const JobCost& job = jobs[index];
    const double length = job.seconds > 0 ? job.seconds : std::numeric_limits<double>::infinity();
    return std::tuple(!job.shared, -length);
  });
  return order;
}

namespace {

// What the jobs that run on a builder take.
struct Load {
  std::size_t jobs = 0;
  std::uint64_t bytes = 0;
};

bool allowed(const JobCost& job, BuilderIndex builder) {
  return job.builders.empty() || std::ranges::find(job.builders, builder) != job.builders.end();
}

bool fits_nowhere(const JobCost& job, const Capacities& capacities) {
  for (const BuilderIndex builder : capacities.ids()) {
    if (allowed(job, builder) && capacities[builder].slots > 0 &&
        (capacities[builder].memory == 0 || job.bytes <= capacities[builder].memory))
      return false;
  }
  return true;
}

std::optional<BuilderIndex> builder_for(const JobCost& job, const Capacities& capacities,
                                        const Rows<BuilderIndex, Load>& loads) {
  std::optional<BuilderIndex> best;
  double best_speed = 0;
  const bool alone = fits_nowhere(job, capacities);
  for (const BuilderIndex builder : capacities.ids()) {
    const Capacity& machine = capacities[builder];
    const Load& load = loads[builder];
    if (!allowed(job, builder) || load.jobs >= machine.slots) continue;
    const bool fits = machine.memory == 0 || load.bytes + job.bytes <= machine.memory;
    if (!fits && !(alone && load.jobs == 0)) continue;
    const double speed = machine.speed / static_cast<double>(load.jobs + 1);
    if (best && speed <= best_speed) continue;
    best = builder;
    best_speed = speed;
  }
  return best;
}

}  // namespace

bool may_ever_start(const JobCost& job, const Capacities& capacities) {
  for (const BuilderIndex builder : capacities.ids()) {
    if (allowed(job, builder) && capacities[builder].slots > 0) return true;
  }
  return false;
}

std::optional<Start> next_to_start(const JobCosts& jobs, const std::vector<JobIndex>& waiting,
                                   const std::vector<Start>& running, const Capacities& capacities) {
  Rows<BuilderIndex, Load> loads(capacities.size());
  Rows<JobIndex, bool> open(jobs.size(), false);  // waits or runs
  for (const JobIndex job : waiting) open[job] = true;
  bool shared_open = false;
  for (const Start& start : running) {
    ++loads[start.builder].jobs;
    loads[start.builder].bytes += jobs[start.job].bytes;
    shared_open = shared_open || jobs[start.job].shared;
    open[start.job] = true;
  }
  for (const JobIndex job : waiting) {
    if (shared_open && !jobs[job].shared) return std::nullopt;
    if (std::ranges::any_of(jobs[job].after, [&](JobIndex needed) { return open[needed]; })) {
      shared_open = shared_open || jobs[job].shared;
      continue;
    }
    if (const auto builder = builder_for(jobs[job], capacities, loads))
      return Start{.job = job, .builder = *builder};
  }
  return std::nullopt;
}

double expected_makespan(const JobCosts& jobs, const Capacities& capacities) {
  std::vector<JobIndex> waiting = start_order(jobs);
  std::erase_if(waiting, [&](JobIndex job) { return !may_ever_start(jobs[job], capacities); });
  std::vector<Start> running;
  Rows<JobIndex, double> ends(jobs.size(), 0.0);
  double now = 0;
  while (!waiting.empty() || !running.empty()) {
    if (const auto next = next_to_start(jobs, waiting, running, capacities)) {
      ends[next->job] = now + jobs[next->job].seconds / capacities[next->builder].speed;
      running.push_back(*next);
      std::erase(waiting, next->job);
      continue;
    }
    const auto first =
        std::ranges::min_element(running, {}, [&](const Start& start) { return ends[start.job]; });
    now = ends[first->job];
    running.erase(first);
  }
  return now;
}

}  // namespace lathe
