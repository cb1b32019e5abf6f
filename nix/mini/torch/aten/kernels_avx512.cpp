// SPDX-License-Identifier: MIT
#include "kernels.inc"

namespace at {
const Kernels avx512_kernels = {"avx512", axpy, dot};
}
