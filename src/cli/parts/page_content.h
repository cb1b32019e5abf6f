// SPDX-License-Identifier: MIT
// What `report` and `serve -m` show, gathered from where it lies.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/variant.h"
#include "page/builds_part.h"
#include "page/report.h"

namespace lathe {

class Terminal;

struct PageOptions {
  MatrixOption matrix;
  std::string recipes, state = ".torchlathe";
  std::vector<std::string> machines;

  void declare(OptionSet& set);  // all but --matrix
};

// The matrix with its recipes and machines; builds and files are the caller's. Errors of what is asked for.
PageContent matrix_content(const PageOptions& options, Terminal& terminal);

bool has_history(const std::filesystem::path& state);
// None where there is no history yet.
BuildsPart builds_content(const std::filesystem::path& state, const std::vector<Variant>& variants);

}  // namespace lathe
