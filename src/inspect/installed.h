// SPDX-License-Identifier: MIT
// The PyTorch that is installed: where Python's usual folders have one, and what its own files say of its
// version. What its libraries hold is inspect/inspect.h's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct InstalledTorch {
  std::filesystem::path folder = {};     // of the package: ".../site-packages/torch"
  std::string version = {};              // "2.11.0+cu130"; "" where it does not say
  std::optional<std::string> cuda = {};  // "13.0"; "" where it does not say which; nullopt: a CPU build
  std::string python = {};               // "3.12", as its extension modules are named; ""
  std::string wheel_tag = {};  // "cp312-cp312-manylinux_2_28_x86_64"; "" where it is not from a wheel
  std::string installer = {};  // "pip", "uv"; ""
};

// Of the environment (virtual, flox, conda) that is active, then of the user, of the python3 in PATH, of the
// system; no program is run.
std::vector<InstalledTorch> installed_torches();

// The package folder in what a user points to: itself, a site-packages folder, a Nix store path, an
// environment. nullopt: there is none.
std::optional<InstalledTorch> torch_in(const std::filesystem::path& path);

}  // namespace lathe
