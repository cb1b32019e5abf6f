// SPDX-License-Identifier: MIT
// What a recipe has that the matrix has no word for, found by what it evaluates to: it is held against what
// `generate` writes for its variant, and each difference becomes a line of [extra], or a reason why it
// cannot be brought back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "matrix/extra.h"
#include "nix/record.h"

namespace lathe {

struct Difference {
  Extra extra;
  std::string why;  // the first thing that no matrix can say; "" when there is none
  bool none() const { return extra.empty() && why.empty(); }
};

// `folder`, `made_folder`: where the two were evaluated, absolute.
Difference difference_of(const Recorded& got, const std::string& folder, const Recorded& made,
                         const std::string& made_folder);

// `extra` as TOML, under `table`: "extra" or "override.extra".
std::string extra_toml(const Extra& extra, std::string_view table);

}  // namespace lathe
