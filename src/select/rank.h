// SPDX-License-Identifier: MIT
// The order among candidates that all start: criteria in the order of their weight, compared one after
// another. What is better CPU code, and for what, is in the catalogue (Isa::level, Isa::suits).
#pragma once

#include <string>
#include <string_view>

#include "select/judge.h"

namespace lathe {

// Is `a` better than `b` for somebody who prefers `prefer` ("" for no wish)?
bool better(const Candidate& a, const Judgement& on_a, const Candidate& b, const Judgement& on_b,
            std::string_view prefer);

// What the first criterion in which they differ says against `other`, as a sentence: "stops at avx2, the
// best has avx512".
std::string why_not_better(const Candidate& other, const Judgement& on_other, const Candidate& best,
                           const Judgement& on_best, std::string_view prefer);

}  // namespace lathe
