// SPDX-License-Identifier: MIT
// From a variant to the text of its recipe: one Nix file, self-contained, the same bytes every time.
// The texts are in templates/*.nix.in; this fills their @holes@. What a recipe means is tested by evaluating
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

std::string render(const MatrixSpec& spec, const Variant& variant);

// Puts its checksum, of `seal_length` characters, into the place that a recipe's first line has for it
// ("(content 000...)"). By it authorship_of knows the text again.
inline constexpr std::size_t seal_length = 20;
std::string seal(std::string recipe);

// Recipes that all variants' recipes need beside them: CUDA's packages, with [cuda_packages] from = "copy".
struct SharedRecipe {
  std::string file, text;
};
std::vector<SharedRecipe> render_shared(const MatrixSpec& spec);

// What a file that may be a generated recipe is.
enum class Authorship {
  generated,  // by torchlathe, and unchanged since: may be written over
  edited,     // by torchlathe, then changed by hand
  foreign,    // not by torchlathe
};
Authorship authorship_of(std::string_view recipe);

}  // namespace lathe
