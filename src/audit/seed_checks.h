// SPDX-License-Identifier: MIT
// The checks that recipe keepers used to run with ls and grep, by what the recipes evaluate to: counts, the
// three patterns of a GPU recipe, the one of a CPU recipe, no old pin, no odd suffixes.
#pragma once

#include <string>
#include <vector>

#include "audit/audit.h"

namespace lathe {

struct SeedCheck {
  std::string what;
  bool good = true;
  std::vector<std::string> files;  // that break it
};

std::vector<SeedCheck> seed_checks(const Audit& audit);

}  // namespace lathe
