// SPDX-License-Identifier: MIT
// Every operator for every type: most of PyTorch's device code is such a product too.
#include "torch/launch.h"

template <typename T, typename F>
__global__ void pointwise(const T* a, const T* b, T* c, int n, F f) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) c[i] = f(a[i], b[i]);
}

#define OPERATOR(Name, expression) \
  struct Name { template <typename T> __device__ T operator()(T a, T b) const { return expression; } };
OPERATOR(Add, a + b)
OPERATOR(Mul, a * b)
OPERATOR(Sub, a - b)
OPERATOR(Div, a / b)
OPERATOR(Larger, a > b ? a : b)
OPERATOR(Power, T(pow(a, b)))
OPERATOR(Gelu, T(a * b * T(0.5) * (T(1) + tanh(T(0.7978846) * (a + T(0.044715) * a * a * a)))))
OPERATOR(Remainder, T(fmod(a, b)))

template <typename F, typename T>
void launch(const T* a, const T* b, T* c, int n) { pointwise<<<(n + 255) / 256, 256>>>(a, b, c, n, F{}); }

#define LAUNCHER(name, Name)                                                                                                        \
  extern "C" void TORCH_LAUNCH(name)(const float* a, const float* b, float* c, int n) { launch<Name>(a, b, c, n); }                \
  extern "C" void TORCH_LAUNCH(name##_double)(const double* a, const double* b, double* c, int n) { launch<Name>(a, b, c, n); }
LAUNCHER(add, Add)
LAUNCHER(mul, Mul)
LAUNCHER(sub, Sub)
LAUNCHER(div, Div)
LAUNCHER(larger, Larger)
LAUNCHER(power, Power)
LAUNCHER(gelu, Gelu)
LAUNCHER(remainder, Remainder)
