// SPDX-License-Identifier: MIT
// Inside of audit only: what the rules find in each file of a folder. Knows nothing of verdicts.
#pragma once

#include "audit/entries.h"

namespace lathe {

// Sets each entry's findings, those apart that the matrix silences.
void judge_all(AuditedFolder& folder);

}  // namespace lathe
