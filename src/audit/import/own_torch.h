// SPDX-License-Identifier: MIT
// A recipe that is cut out of nixpkgs' own torch: is it the one that caches have?
#pragma once

#include <string>

#include "nix/record.h"

namespace lathe {

// Of a recipe with `of_nixpkgs`: in what its package set differs from one that was asked for CUDA and
// nothing else; "" where it does not. Whatever differs there is another torch, which no cache has.
std::string why_not_own(const Recorded& got);

}  // namespace lathe
