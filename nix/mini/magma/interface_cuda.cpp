// SPDX-License-Identifier: MIT
// The part of MAGMA that matters here: it prints a device's clock.
#include <cuda_runtime.h>

#include <cstdio>

extern "C" void magma_print_environment() {
  cudaDeviceProp prop;
  if (cudaGetDeviceProperties(&prop, 0) != cudaSuccess) return;
#if MAGMA_CUDA >= 13
  std::printf("%s, %.1f MHz clock\n", prop.name, prop.clockRate / 1000.);
#else
  std::printf("%s\n", prop.name);
#endif
}
