// SPDX-License-Identifier: MIT
// A finding as every command's JSON has it, whatever found it: docs/formats/findings.md.
//   {"rule", "severity", "what", "where": {"file", "line", "column"}, "cause", "fix",
//    "evidence": [{"where", "symbol", "what"}]}
#pragma once

#include <string_view>

#include "base/finding.h"
#include "base/json.h"

namespace lathe {

void write_finding(JsonWriter& json, const Finding& finding);
// The same, left open: what one command alone knows is written after the common members.
void begin_finding(JsonWriter& json, const Finding& finding);

void write_findings(JsonWriter& json, std::string_view key, const Findings& findings);

}  // namespace lathe
