// SPDX-License-Identifier: MIT
#define CPU_CAPABILITY AVX512
#include "kernels.inc"

namespace at {
const Kernels avx512_kernels = {"avx512", native::AVX512::axpy, native::AVX512::dot};
}
