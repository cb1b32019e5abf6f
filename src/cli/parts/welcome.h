// SPDX-License-Identifier: MIT
// What `torchlathe` without arguments says.
#pragma once

#include <string>

namespace lathe {

// What it is, and three commands to start with, chosen by what is here: recipes, a matrix, wheels, an image,
// an installed PyTorch, a GPU, Nix.
std::string welcome();

}  // namespace lathe
