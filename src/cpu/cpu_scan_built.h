// SPDX-License-Identifier: MIT
// Which extensions a whole file was compiled for, told from how they spread over it: a compiler that may use
// one does so all over the file, while kernels that are picked at run time lie together and leave the rest as
// it was. Says nothing of who calls what.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/cpu_scan_reach.h"
#include "cpu/cpu_scan_sweep.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {

struct BuiltFor {
  ExtensionSet extensions = {}, with_level = {};  // these, and all that a processor of their level has
  std::size_t sampled_avx = 0,
              sampled_sse = 0;  // of a sample of ordinary functions: encoded for AVX, or for SSE
};

BuiltFor built_for(const CpuCode& code, const Functions& functions, const Facts& facts, const Reach& reach);

}  // namespace lathe::cpu
