// SPDX-License-Identifier: MIT
#include "jobs/driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "jobs/cache_distance.h"
#include "jobs/plan_jobs.h"
#include "nix/machines.h"

namespace lathe {

std::vector<NixMachine> Driver::machines(const std::string&) const { return {}; }

// Who tells no derivations builds all that waits.
JobPlan Driver::plan(Jobs& jobs, const History&, const DriverOptions&) const {
  return {.to_build = static_cast<std::size_t>(std::ranges::count(jobs, JobState::waiting, &Job::state)),
          .fetch = {}};
}

std::vector<CacheState> Driver::caches(const DriverOptions&) const { return {}; }

CacheReport Driver::distances(const std::vector<Job>&, std::vector<CacheState>, const DriverOptions&) const {
  return {};
}

// Each in a file of its own.
const Driver& nix_driver();
const Driver& flox_driver();

std::span<const Driver* const> drivers() {
  static const Driver* const all[] = {&nix_driver(), &flox_driver()};
  return all;
}

const Driver& driver_named(std::string_view name) {
  const auto found = std::ranges::find(drivers(), name, &Driver::name);
  if (found != drivers().end()) return **found;
  throw Error({.what = fmt::format("there is no driver named {}", name), .where = {}});
}

}  // namespace lathe
