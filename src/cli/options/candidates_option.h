// SPDX-License-Identifier: MIT
// What there is to choose from: a matrix, a catalogue of published variants, or, unless told, this folder's
// matrix.toml and where there is none every shipped matrix.
#pragma once

#include <string>
#include <vector>

#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "select/candidate.h"

namespace lathe {

struct CandidatesOption {
  MatrixOption matrix;
  std::string published;
  void declare(OptionSet& set);
  std::vector<Candidate> load() const;
};

}  // namespace lathe
