// SPDX-License-Identifier: MIT
// What a set of GPUs, an instruction set, a CUDA release and the words of other axes mean together: can it be
// built, is it worth having, what runs it.
#pragma once

#include <string>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "matrix/variant.h"

namespace lathe {

// Why nvcc, CUDA's packages or PyTorch's build cannot do this; "" when all can.
std::string why_no_build(Capability gpu, const Version& cuda, const PytorchSource& source);

// For Jetsons with CUDA packages of their own?
bool is_jetson_build(const Cell& cell);

// `cell` has what the axes say; all else is filled in here.
Cell make_cell(Cell cell, const PytorchSource& source, bool ptx);

}  // namespace lathe
