// SPDX-License-Identifier: MIT
// Writes a matrix' recipes into a folder. Looks at what is there first: either nothing is in the way, or
// nothing is written.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "matrix/spec.h"
#include "matrix/variant.h"
#include "recipe/render.h"

namespace lathe {

struct WriteOptions {
  bool force = false;    // also over files that torchlathe did not write
  bool dry_run = false;  // look, write nothing
};

struct Written {
  enum class Action { created, replaced, unchanged };
  std::string file;
  Action action = Action::created;
};

std::string_view to_string(Written::Action action);  // "created", "replaced", "unchanged"

// Files that stand in the way (not written by torchlathe, or changed by hand since) are one Error that names
// them. `variants`, and what their recipes need beside them.
std::vector<Written> write_recipes(const MatrixSpec& spec, const std::vector<Variant>& variants,
                                   const std::filesystem::path& folder, const WriteOptions& options,
                                   const std::function<void(std::size_t)>& progress = {});

// The same for recipes that are at hand as text.
std::vector<Written> write_recipes(const std::vector<SharedRecipe>& recipes,
                                   const std::filesystem::path& folder, const WriteOptions& options);

}  // namespace lathe
