// SPDX-License-Identifier: MIT
// The filters over variants, the same for every command that has them: names, one option for each axis, and
// --status, --kind, --package.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

struct VariantFilter {
  VariantFilter();
  std::vector<std::string> names, statuses, kinds, packages;
  std::vector<std::vector<std::string>> of_axes;  // in the table's order

  // An Error when a word is given that no variant of the matrix matches, whatever the others say: it names
  // the nearest that exist.
  Match match(const MatrixSpec& spec) const;
  // Those that it matches; an Error when there is none.
  std::vector<Variant> variants(const MatrixSpec& spec) const;
};

// Names, --matrix and the filters: how a command is told which variants it is about.
void declare_variants(OptionSet& set, MatrixOption& matrix, VariantFilter& filter);

// Those that the filter matches, with `with_companions` also what follows a PyTorch among them; of `names`
// alone, where it is there. May be none.
std::vector<Variant> variants_to_build(const VariantFilter& filter, bool with_companions,
                                       const MatrixSpec& spec,
                                       const std::optional<std::vector<std::string>>& names);

[[noreturn]] void fail_no_variant(const MatrixSpec& spec);

}  // namespace lathe
