// SPDX-License-Identifier: MIT
// The files that [extra] names by a path (patches = [ ./a.patch ]): they lie beside the matrix file, and go
// with the recipes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "matrix/spec.h"
#include "recipe/render.h"

namespace lathe {

// All that the matrix names, as paths below its folder.
std::vector<std::string> extra_files(const MatrixSpec& spec);

// Those of them that lie beside the matrix file, read.
std::vector<SharedRecipe> read_extra_files(const MatrixSpec& spec);

// Those that are not in `folder` either: recipes there do not evaluate.
std::vector<std::string> missing_extra_files(const MatrixSpec& spec, const std::filesystem::path& folder);

// From a folder of recipes to the folder of the matrix file that was read out of it. What is there already
// is left as it is. Returns what was copied.
std::vector<std::string> copy_extra_files(const MatrixSpec& spec, const std::filesystem::path& from,
                                          const std::filesystem::path& to);

}  // namespace lathe
