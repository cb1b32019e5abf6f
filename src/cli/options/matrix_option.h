// SPDX-License-Identifier: MIT
// The --matrix option, the same for every command that has it. The filters over variants: variant_filter.h.
#pragma once

#include <string>
#include <vector>

#include "cli/options/options.h"
#include "matrix/spec.h"

namespace lathe {

class Terminal;

struct MatrixOption {
  std::string path;
  void declare(OptionSet& set);
  std::string file() const { return path.empty() ? "matrix.toml" : path; }  // which may not exist
  // The file; or, when there is none of that name, the shipped matrix of that name ("cuda-13_0").
  MatrixSpec load() const;
  // The same, and says which of its nixpkgs are not known and taken for another: for commands that write or
  // judge recipes.
  MatrixSpec load(Terminal& terminal) const;
};

void say_assumptions(const MatrixSpec& spec, Terminal& terminal);

}  // namespace lathe
