// SPDX-License-Identifier: MIT
// Does a finished build hold what its variant promises?
#pragma once

#include <string>
#include <vector>

#include "base/finding.h"
#include "matrix/variant.h"

namespace lathe {

// What it breaks, errors first. `outputs`: all of its store paths.
std::vector<Finding> broken_promises(const Variant& variant, const std::vector<std::string>& outputs);

}  // namespace lathe
