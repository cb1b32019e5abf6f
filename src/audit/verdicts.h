// SPDX-License-Identifier: MIT
// Inside of audit only: what becomes of each file of a judged folder, and which variants are missing.
#pragma once

#include "audit/audit.h"
#include "audit/entries.h"

namespace lathe {

Audit decide(AuditedFolder folder);

}  // namespace lathe
