// SPDX-License-Identifier: MIT
#include "kernels.inc"

namespace at {
const Kernels default_kernels = {"default", axpy, dot};
}
