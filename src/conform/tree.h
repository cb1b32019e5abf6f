// SPDX-License-Identifier: MIT
// A nixpkgs at hand: a folder, a store path, a tarball or its address, a channel's name.
#pragma once

#include <filesystem>
#include <string>

#include "os/process.h"

namespace lathe {

struct NixpkgsTree {
  std::string given;           // as it was named
  std::filesystem::path path;  // where it lies now
  std::string rev;             // "" where it does not say
};

// An archive is unpacked into Nix's store, by Nix. An Error when there is none, or it is not a nixpkgs.
NixpkgsTree find_tree(const std::string& given, const RunProcess& run = run_process);

}  // namespace lathe
