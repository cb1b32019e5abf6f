// SPDX-License-Identifier: MIT
#include "kernels.inc"

namespace at {
const Kernels avx2_kernels = {"avx2", axpy, dot};
}
