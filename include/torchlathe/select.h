// SPDX-License-Identifier: MIT
// Which variant is right for a machine, and why. May be called from several threads at once; what is returned
// owns all that it holds.
#pragma once

#include <string>
#include <vector>

#include "torchlathe/detect.h"
#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

struct Choice {
  std::string name;
  std::string from;              // the matrix that has it
  std::string why;               // of one that starts: what the best has over it; of the best why it is
  std::vector<Finding> missing;  // what it lacks; {}: it starts
};

struct Selection {
  std::vector<Choice> starting;      // best first
  std::vector<Choice> excluded;      // in the order of the matrices
  std::vector<std::string> changes;  // where none starts: what would have to change
};

struct SelectOptions {
  std::vector<std::string> matrices;               // files, or names of shipped ones; {}: shipped ones
  std::vector<std::string> names;                  // globs over variants; {}: all
  std::vector<std::string> cuda, python, pytorch;  // releases: "13.0", "3.13", "2.10.0"; {}: all
  std::string prefer;                              // between equal CPU code: "bf16", "int8"; "": bf16
};

// Error when a matrix cannot be read.
Selection select(const Host& host, const SelectOptions& options = {});

}  // namespace torchlathe
