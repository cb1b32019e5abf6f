// SPDX-License-Identifier: MIT
// What `generate` writes for variants, evaluated as a folder of its own: what a recipe should evaluate to.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {

struct Made {
  std::string folder;                       // where the recipes were: paths in the records are below it
  std::map<std::string, Recorded> recipes;  // by variant name
};
Made record_made(const MatrixSpec& spec, const std::vector<Variant>& variants, const RecordOptions& options);

}  // namespace lathe
