// SPDX-License-Identifier: MIT
// The recipes once more, with other things made up (RecordOptions::other_face): what is right must not hang
// on what an evaluation without nixpkgs makes up. Unknown names are there where a recipe takes them; where it
// may ask whether they are there, they are not, until that proves to be a mistake. Judges nothing: that is
// audit/.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nix/record.h"

namespace lathe {

// By file: what each of `recipes`, as they were recorded in `folder`, evaluates to then, once or in several
// ways.
std::map<std::string, std::vector<Recorded>> look_again(const std::filesystem::path& folder,
                                                        std::span<const Recorded* const> recipes,
                                                        RecordOptions options);

}  // namespace lathe
