// SPDX-License-Identifier: MIT
// The [cuda_packages] table of a matrix file. Knows no archive and no table of NVIDIA's: those are
// recipe/redist.h's.
#pragma once

#include "base/toml.h"
#include "matrix/spec.h"

namespace lathe {

// Sets spec.cuda_packages, where the file has such a table.
void read_cuda_packages(const Toml& root, MatrixSpec& spec);

}  // namespace lathe
