// SPDX-License-Identifier: MIT
// [[branch]]: one PyTorch release with its Pythons and its CUDA releases, each with the nixpkgs that it is
// built from. Blocks that name no PyTorch are made once for each branch. docs/formats/matrix.md describes
// the table.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/toml.h"
#include "hardware/catalog.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

struct BranchCuda {
  Version version;
  std::string nixpkgs;
};

struct Branch {
  std::string name;
  std::string pytorch;
  std::vector<std::string> python;
  std::vector<BranchCuda> cuda;  // in the file's order
  std::string nixpkgs;           // of CPU-only builds, and of CUDA releases that name none
  Place where;
};

using Pins = std::map<std::string, std::shared_ptr<const Nixpkgs>>;

Branch read_branch(const Toml& table, const Pins& pins);

// A [[build]] without `pytorch`, once for each branch that it means and each nixpkgs of that branch:
// `pattern` has the block's own axes, of which `python` and `cuda` leave out what a branch has more of. An
// Error when nothing is left.
std::vector<Block> blocks_of_branches(const Toml& table, const Block& pattern,
                                      const std::vector<Branch>& branches);

// The name of a [nixpkgs.NAME] table, or an Error with a guess.
std::string read_pin_name(const Toml& value, const Pins& pins);

}  // namespace lathe
