// SPDX-License-Identifier: MIT
// One thing to build, and what became of it: data that the runner fills and the progress printers read.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "jobs/builders/builder.h"
#include "jobs/history/history.h"
#include "jobs/schedule.h"
#include "diagnose/diagnose.h"
#include "matrix/variant.h"

namespace lathe {

// Where a result is before the run.
enum class Held {
  nowhere,  // it has to be built
  store,
  cache,  // it has to be fetched
};

enum class JobState {
  waiting,
  running,
  built,     // and verified, where that was asked for
  cached,    // the store had it already
  failed,    // the build did
  mismatch,  // the build ended well, but does not hold what its name says
  stopped,   // by Ctrl-C, or because another failed (--fail-fast)
  skipped,   // cannot exist, or no machine here can build it: `reason`
};

std::string_view to_string(JobState state);
inline bool is_bad(JobState state) {
  return state == JobState::failed || state == JobState::mismatch || state == JobState::stopped;
}

inline constexpr std::size_t kept_lines = 40;

struct Job {
  std::string name = {};                // of the variant; or of shared work: "magma-2.9.0"
  std::optional<Variant> variant = {};  // nullopt: shared work
  std::filesystem::path recipe = {};
  std::string derivation = {};  // "" with a driver that does not tell
  JobState state = JobState::waiting;
  std::string reason = {};  // why it is skipped, or how it ended
  Estimate estimate = {};
  JobCost cost = {};
  BuilderNeeds needs = {};
  Held held = Held::nowhere;

  // Of a job that runs or ran.
  std::chrono::steady_clock::time_point started = {};
  std::string phase = {};
  std::deque<std::string> last_lines = {};  // of the log, printable; at most `kept_lines`
  std::uint64_t now_bytes = 0, peak_bytes = 0, output_bytes = 0;
  double seconds = 0;
  std::vector<std::string> outputs = {};  // store paths
  std::string log = {};                   // file, relative to the state folder
  std::vector<Diagnosis> why = {};        // of a failure
  std::vector<Finding> breaches = {};     // promises that a mismatch breaks
  unsigned attempts = 0;
  BuilderIndex builder_index = {};  // of its builder; the first is this machine
  std::string builder = {};         // its name; "" where there is only this machine
};

inline constexpr BuilderIndex here = {};

using Jobs = Rows<JobIndex, Job>;

}  // namespace lathe
