// SPDX-License-Identifier: MIT
// Blocks of a document that say what a matrix holds, between marks that a reader does not see:
//
//   <!-- torchlathe: count -->44<!-- torchlathe: end -->
//   <!-- torchlathe: matrix -->  ... lines ...  <!-- torchlathe: end -->
//
// Marks in fenced code are text. Knows no files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matrix/variant.h"

namespace lathe {

struct FilledDocument {
  std::string text;
  std::size_t blocks = 0;
  std::vector<std::size_t> drifted;  // lines of the marks whose block said something else
};

// An Error with the line: a block of unknown kind, or without an end.
FilledDocument fill_blocks(std::string_view text, const std::string& file,
                           const std::vector<Variant>& variants);

}  // namespace lathe
