// SPDX-License-Identifier: MIT
// From a matrix to jobs: recipes written, evaluated, estimated, what several need made a job of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "build/driver.h"
#include "build/history.h"
#include "build/job.h"
#include "matrix/spec.h"

namespace lathe {

// Writes the recipes below `state` and returns a job for each variant, in the matrix' order, and for each build that one of them is
// cut out of. Impossible ones are skipped, and those that no machine can build.
std::vector<Job> make_jobs(const MatrixSpec& spec, const std::vector<Variant>& wanted, const std::filesystem::path& state,
                           const DriverOptions& options);

// Writes the recipe of `job` anew (its matrix has changed) and evaluates it.
void remake(Job& job, const MatrixSpec& spec, const std::filesystem::path& state, const DriverOptions& options);

// Adds, in front, a job for each derivation that has to be built and that two or more jobs need; sets estimates.
struct JobPlan {
  std::size_t to_build = 0;  // variants that the store lacks
  std::vector<std::string> fetch = {};  // names of store paths that a cache has
};
JobPlan complete_plan(std::vector<Job>& jobs, const History& history, const DriverOptions& options);

}  // namespace lathe
