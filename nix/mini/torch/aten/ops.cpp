// SPDX-License-Identifier: MIT
// Operators on the CPU: what is not dispatched is compiled with the build's CXXFLAGS and so fixes the least
// CPU.
#include <cmath>
#include <cstddef>
#include <vector>

#include "../include/torch/kernels.h"

static_assert(TORCH_FEATURE_VERSION >= TORCH_SOURCE_VERSION,
              "PYTORCH_BUILD_VERSION is older than the source");

namespace {
const at::Kernels& kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    return at::avx512_kernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return at::avx2_kernels;
#endif
  return at::default_kernels;
}
}  // namespace

// As in Kineto: the classes are named for CUPTI, and with it their functions take its types.
#ifdef TORCH_PROFILES_CUDA
struct CUpti_Activity;
#endif
namespace libkineto {
void add_host_activity(int) {}
#ifdef TORCH_PROFILES_CUDA
void add_gpu_activity(const CUpti_Activity*) {}
#endif
}  // namespace libkineto

extern "C" {
bool torch_profiles_cuda() {
#ifdef TORCH_PROFILES_CUDA
  return true;
#else
  return false;
#endif
}
const char* torch_cpu_capability() { return kernels().name; }
void torch_axpy(float a, const float* x, float* y, std::size_t n) { kernels().axpy(a, x, y, n); }
float torch_dot(const float* x, const float* y, std::size_t n) { return kernels().dot(x, y, n); }
void torch_gelu(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = 0.5F * x[i] * (1 + std::tanh(0.7978846F * (x[i] + 0.044715F * x[i] * x[i] * x[i])));
}
void torch_mul_add(const float* a, const float* b, const float* c, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = a[i] * b[i] + c[i];
}
int torch_dot_i8(const signed char* a, const unsigned char* b, std::size_t n) {
  int sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += int{a[i]} * int{b[i]};
  return sum;
}
}
