// SPDX-License-Identifier: MIT
#define CPU_CAPABILITY DEFAULT
#include "kernels.inc"

namespace at {
const Kernels default_kernels = {"default", native::DEFAULT::axpy, native::DEFAULT::dot};
}
