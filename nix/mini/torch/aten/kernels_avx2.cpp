// SPDX-License-Identifier: MIT
#define CPU_CAPABILITY AVX2
#include "kernels.inc"

namespace at {
const Kernels avx2_kernels = {"avx2", native::AVX2::axpy, native::AVX2::dot};
}
