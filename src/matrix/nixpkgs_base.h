// SPDX-License-Identifier: MIT
// base = "nixpkgs": which variants can be cut out of nixpkgs' own torch, as its package set builds it
// without being told anything but that CUDA is wanted. The GPUs, the CUDA and the Python follow from the
// tables of what nixpkgs does; what a cache really has is not asked here.
#pragma once

#include <string_view>

#include "hardware/catalog.h"
#include "matrix/variant.h"

namespace lathe {

// The instruction set that stands for every CPU of its kind: what is compiled without flags runs wherever
// the lowest one does.
bool is_lowest(const Isa& isa);

// Replaces the cell's verdict, which is that of a build of its own. One that no machine can run stays that.
void judge_of_nixpkgs(Cell& cell, const Nixpkgs& nixpkgs, const PytorchSource& source,
                      std::string_view python);

}  // namespace lathe
