// SPDX-License-Identifier: MIT
// Machines and the variants that serve them: which GPUs are served by which build, which by none and why.
#pragma once

#include <string>
#include <vector>

#include "page/html.h"
#include "page/matrix_part.h"
#include "select/select.h"

namespace lathe {

struct FleetMachine {
  std::string name;
  Selection selection;
};

void write_fleet_part(Html& html, const std::vector<FleetMachine>& fleet, const VariantPlaces& places);

}  // namespace lathe
