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
  // As it was named; else the matrix.toml of this folder or of the nearest one above it that has one. It need
  // not exist.
  std::string file() const;
  bool is_there() const;  // named, or found
  // The file; or, when there is none of that name, the shipped matrix of that name ("cuda-13_0").
  MatrixSpec load() const;
  // The same, and says which of its nixpkgs are not known and taken for another: for commands that write or
  // judge recipes.
  MatrixSpec load(Terminal& terminal) const;
};

void say_assumptions(const MatrixSpec& spec, Terminal& terminal);

}  // namespace lathe
