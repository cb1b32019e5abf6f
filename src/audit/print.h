// SPDX-License-Identifier: MIT
// An audit as JSON and SARIF. What people read is made in cli/audit.cpp.
#pragma once

#include <string>

#include "audit/audit.h"

namespace lathe {

std::string audit_json(const Audit& audit);

// SARIF 2.1.0, for pages that show the findings of scanners beside the code.
std::string audit_sarif(const Audit& audit);

}  // namespace lathe
