// SPDX-License-Identifier: MIT
#pragma once

#include "device/vendor.h"

namespace lathe {

const Vendor& cuda_vendor();

// Inside of device only: what Vendor::read() is of CUDA (fatbin_elf.cpp).
Fatbins read_cuda_fatbins(const Elf& elf, const MappedFile* disk, const FatbinLimits& limits);

}  // namespace lathe
