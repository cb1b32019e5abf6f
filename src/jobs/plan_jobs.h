// SPDX-License-Identifier: MIT
// From a matrix to jobs: recipes written, evaluated, estimated, what several need made a job of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "jobs/driver.h"
#include "jobs/history/history.h"
#include "jobs/job.h"
#include "jobs/schedule.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

// Writes the recipes below `state` and returns a job for each variant, in the matrix' order, and for each
// build that one of them is cut out of. Impossible ones are skipped, and those that no machine can build. The
// others wait to be evaluated.
Jobs make_jobs(const MatrixSpec& spec, const std::vector<Variant>& wanted, const std::filesystem::path& state,
               const DriverOptions& options);

// In the order of the builders; one that cannot be used has no slots.
Capacities capacities_of(const Rows<BuilderIndex, Builder>& builders);

// The matrix has changed: writes all recipes anew, and evaluates those of `broken` and of the jobs that
// wait. Shared work among them gets the derivation that has taken the place of its own.
void remake(Jobs& jobs, Job& broken, const MatrixSpec& spec, const std::filesystem::path& state,
            const Driver& driver, const DriverOptions& options);

// Adds, in front, a job for each derivation that has to be built and that two or more jobs need; sets
// estimates.
struct JobPlan {
  std::size_t to_build = 0;             // variants that the store lacks
  std::vector<std::string> fetch = {};  // names of store paths that a cache has
};
JobPlan complete_plan(Jobs& jobs, const History& history, const DriverOptions& options);

}  // namespace lathe
