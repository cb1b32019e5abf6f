// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>

namespace at {
using Axpy = void (*)(float a, const float* x, float* y, std::size_t n);
using Dot = float (*)(const float* x, const float* y, std::size_t n);
struct Kernels {
  const char* name;
  Axpy axpy;
  Dot dot;
};
extern const Kernels default_kernels, avx2_kernels, avx512_kernels;
}  // namespace at
