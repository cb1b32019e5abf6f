// SPDX-License-Identifier: MIT
// What a nixpkgs says of itself, in the words of nixpkgs.toml, and where that differs from what the table
// says of it. The real Nix evaluates survey.nix there; nothing is built.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "hardware/nixpkgs_columns.h"
#include "os/process.h"

namespace lathe {

struct Survey {
  NixpkgsColumns columns;                     // those that were seen
  std::map<std::string, std::string> unseen;  // those that were not, with Nix's words
  // of the CUDA sets that it has: what torch_cuda can say anything of
  std::vector<std::string> cuda_majors;
  std::vector<std::string> torch_outputs, cccl_outputs;
  std::string post_patch;                                                // of torch with CUDA
  std::map<std::string, std::vector<std::string>> default_capabilities;  // by CUDA release
};

Survey survey_tree(const std::filesystem::path& nixpkgs, const std::string& system,
                   const RunProcess& run = run_process);
// Takes one attribute of what survey.nix gave.
void take_survey(const Json& value, const std::string& name, Survey& survey);

// "9.0, 12.0"; "none".
std::string listed(const std::vector<std::string>& texts);

struct FactDifference {
  std::string column;
  std::vector<std::string> table, tree;
  std::string what;  // one sentence
};
// `partly`: the table names some CUDA sets, and there may be more.
std::vector<FactDifference> differences(const NixpkgsColumns& table, const Survey& survey, bool partly);

}  // namespace lathe
