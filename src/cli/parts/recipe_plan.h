// SPDX-License-Identifier: MIT
// What `apply` would do to a folder of recipes, file by file.
#pragma once

#include <string>

#include "audit/plan.h"

namespace lathe {

// With `diff` a unified diff of each file: the plan must have its contents.
std::string edits_text(const Plan& plan, bool diff);

// The difference that one edit makes.
std::string diff_of(const Edit& edit);

// "44 wanted: 1 keep, ...".
std::string plan_totals(const Plan& plan);

}  // namespace lathe
