// SPDX-License-Identifier: MIT
// What a build would do: order and estimates, how far each variant is from a cache, what the whole matrix
// costs.
#pragma once

#include <string>
#include <vector>

#include "jobs/cache_distance.h"
#include "jobs/job.h"
#include "jobs/history/matrix_cost.h"
#include "jobs/plan_jobs.h"
#include "jobs/schedule.h"
#include "os/terminal.h"

namespace lathe {

// "2 h 05 min (1 h 40 min to 3 h 00 min)"; without `seconds` counted in builds for one GPU.
std::string span_text(const SecondsRange& span, bool seconds);

void print_plan(const Jobs& jobs, const JobPlan& plan, const Capacities& capacities, Terminal& terminal);
void print_distances(const CacheReport& report, Terminal& terminal);
void print_matrix_cost(const MatrixCost& cost, Terminal& terminal);

// All of a dry run but what the matrix costs.
std::string dry_run_json(const std::vector<Job>& jobs, const JobPlan& plan, const CacheReport& report);

}  // namespace lathe
