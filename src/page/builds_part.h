// SPDX-License-Identifier: MIT
// How the last build of each variant ended: time, memory, why it failed and the end of its log; and what the
// whole matrix costs by each strategy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/finding.h"
#include "jobs/history/history.h"
#include "jobs/history/matrix_cost.h"
#include "page/html.h"
#include "page/matrix_part.h"

namespace lathe {

struct LastBuild {
  BuildRecord record;
  Findings why = {};                      // what diagnose says of its log
  std::vector<std::string> log_end = {};  // its last lines, as a person reads them
  std::string no_log = {};                // why there is none to show; ""
};

struct BuildsPart {
  std::vector<LastBuild> builds;  // one for each variant
  std::optional<MatrixCost> cost = {};
};

// `places`: ids of the page for variants that the grid has.
void write_builds_part(Html& html, const BuildsPart& part, const VariantPlaces& places);

// One sentence for the variant's note.
std::string build_words(const BuildRecord& record);

// "2026-11-28 05:20", in UTC: the same page on every machine. The number itself where no calendar has it.
std::string utc_minute(std::int64_t seconds);

}  // namespace lathe
