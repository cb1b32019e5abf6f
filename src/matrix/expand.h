// SPDX-License-Identifier: MIT
// From a matrix to its variants, one at a time, so that a million cost no more memory than one.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

// Calls `take` for each variant in the file's order; the variant is reused for the next one, so copy what is
// to stay. `take` returns false to stop early. An Error: two variants with one name, a name that Nix cannot
// use, an alias for no variant, an exclude or override row that matches nothing.
void expand(const MatrixSpec& spec, const std::function<bool(const Variant&)>& take);

std::vector<Variant> expand(const MatrixSpec& spec);

// The variant with this name or alias, or an Error with a guess.
Variant find_variant(const MatrixSpec& spec, std::string_view name);

// `variants` and, behind them, those whose recipes theirs import: what they are cut out of, a companion's
// PyTorch.
std::vector<Variant> with_bases(const MatrixSpec& spec, std::vector<Variant> variants);

// Does a row or a filter mean this variant?
bool matches(const Match& match, const Variant& variant);

}  // namespace lathe
