// SPDX-License-Identifier: MIT
// The --matrix option and the filters over variants, the same for every command that has them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options/options.h"
#include "matrix/expand.h"

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

// Names of the matrices that are compiled in, without ".toml".
std::vector<std::string> shipped_matrices();

struct VariantFilter {
  VariantFilter();
  std::vector<std::string> names, statuses, kinds, packages;
  std::vector<std::vector<std::string>> of_axes;  // in the table's order
  void declare(OptionSet& set);
  bool wants(const Variant& variant) const { return matches(match(), variant); }
  Match match() const;
  bool empty() const { return match().globs.empty(); }
};

// Those that the filter means, with `with_companions` also what follows a PyTorch among them; of `names`
// alone, where it is there.
std::vector<Variant> variants_to_build(const VariantFilter& filter, bool with_companions,
                                       const MatrixSpec& spec,
                                       const std::optional<std::vector<std::string>>& names);

}  // namespace lathe
