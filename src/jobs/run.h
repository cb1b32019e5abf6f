// SPDX-License-Identifier: MIT
// Runs jobs: starts each when the schedule says so, reads what Nix says, keeps logs and history, verifies
// results, diagnoses failures. One failure does not stop the rest; a cause that the rest share does. Prints
// nothing: an observer is told.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "diagnose/diagnose.h"
#include "jobs/driver.h"
#include "jobs/history/history.h"
#include "jobs/job.h"
#include "jobs/schedule.h"

namespace lathe {

// Told of everything, always under one lock.
class BuildObserver {
 public:
  virtual ~BuildObserver() = default;
  virtual void started(const Job&) {}
  virtual void phase(const Job&) {}
  virtual void finished(const Job&) {}
  virtual void note(const std::string&) {}       // a repair, a retry
  virtual void tick(const std::vector<Job>&) {}  // five times a second
};

struct RunOptions {
  std::filesystem::path state;     // folder of logs/, results/, history.db
  const Driver* driver = nullptr;  // always there
  DriverOptions with = {};
  // of with.builders, in their order; without builders: one, this machine
  Capacities capacities = Capacities(1);
  bool fail_fast = false;
  bool keep_going = false;  // also after three builds in a row failed of one cause that the rest share
  bool verify = true;
  std::string copy_to = {};                 // binary cache that results go to; "": none
  const std::atomic<bool>* stop = nullptr;  // set: children end, jobs become stopped
  // Mends what a diagnosis names, and says how ("" : it cannot); then the job runs again.
  std::function<std::string(Job&, const Diagnosis&)> repair = {};
};

// Returns when no job waits or runs.
void run_builds(Jobs& jobs, const RunOptions& options, History& history, std::int64_t run,
                BuildObserver& observer);

}  // namespace lathe
