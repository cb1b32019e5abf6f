// SPDX-License-Identifier: MIT
// What a store path needs at run time: itself and all that it refers to, as the Nix database knows it.
#pragma once

#include <filesystem>
#include <vector>

namespace lathe {

// `path` may lie inside a store path, or be a link to one (./result). Error when there is no Nix, or it
// knows no such path.
std::vector<std::filesystem::path> closure_of(const std::filesystem::path& path);

}  // namespace lathe
