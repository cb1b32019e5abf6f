// SPDX-License-Identifier: MIT
// The matrix as a grid: a row for each GPU, a column for each instruction set, a tile for each CUDA release.
// A tile leads to what stands behind it: the reason of its state, the hardware, the driver, the variants,
// the command.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "matrix/variant.h"
#include "page/html.h"

namespace lathe {

// What is known of a variant beyond its matrix.
struct VariantNote {
  std::string state = {};               // how its last build ended; "": it was never built
  std::vector<std::string> words = {};  // one sentence each: "built in 2 h 05 min", "recipe: rewrite"
};
using VariantNotes = std::map<std::string, VariantNote, std::less<>>;  // by name

// By name, for links: ids of the page.
using VariantPlaces = std::map<std::string, std::string, std::less<>>;

// `variants` outlive it.
struct MatrixPart {
  std::string argument;  // what -m takes for this matrix; "": it is found without
  const std::vector<Variant>& variants;
  VariantNotes notes;
};

void write_matrix_part(Html& html, const MatrixPart& part);

// Where the tile of this variant leads: an id of the page, the same for all that share the tile.
std::string place_of(const Variant& variant);
VariantPlaces places_of(const std::vector<Variant>& variants);

}  // namespace lathe
