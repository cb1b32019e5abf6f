// SPDX-License-Identifier: MIT
// A finding as the commands' JSON has it: {"rule", "severity", "where": {"file", "line", "column"}, "what",
// "fix"}.
#pragma once

#include "base/finding.h"
#include "base/json.h"

namespace lathe {

void write_finding(JsonWriter& json, const Finding& finding);

}  // namespace lathe
