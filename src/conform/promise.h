// SPDX-License-Identifier: MIT
// What a recipe's derivation is, beside what its variant promises. Pure: the derivations were read before.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/finding.h"
#include "conform/survey.h"
#include "matrix/variant.h"
#include "nix/derivation.h"

namespace lathe {

// What its derivation says, in the words of a variant.
struct SeenRecipe {
  std::string name, pname, version, build_version, system = {};
  std::string python = {};                   // "3.13"; "" where its name does not say
  std::vector<std::string> gpus = {};        // TORCH_CUDA_ARCH_LIST; or what it is carved for
  std::vector<std::string> cuda = {};        // releases of the CUDA packages among its inputs, each once
  std::vector<std::string> magma_cuda = {};  // and among MAGMA's
  std::vector<std::string> cpu_flags = {};   // in CXXFLAGS
  std::vector<std::string> outputs = {}, patches = {};
  std::map<std::string, std::string> parts = {};  // "magma" -> "2.9.0": inputs that a user knows by name
  std::vector<std::string> inputs = {};           // names of all input derivations
  bool carved = false, metadata_check = true;
};

// `of_input`: derivations of inputs, by .drv path, as far as they were read.
SeenRecipe see_recipe(const Derivation& derivation, const std::map<std::string, Derivation>& of_input);

// The inputs whose own derivation see_recipe looks into.
std::vector<std::string> inputs_to_read(const Derivation& derivation);

// `base`: the pname of what it is cut out of; `torch`: of a companion's PyTorch; each "" where there is none.
struct Expected {
  std::string base, torch;
};
Findings compare_promise(const Variant& variant, const Expected& expected, const SeenRecipe& seen,
                         const Survey& survey);

}  // namespace lathe
