// SPDX-License-Identifier: MIT
template <typename T, typename F>
__global__ void pointwise(const T* a, const T* b, T* c, int n, F f) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) c[i] = f(a[i], b[i]);
}
struct Add { template <typename T> __device__ T operator()(T a, T b) const { return a + b; } };
struct Mul { template <typename T> __device__ T operator()(T a, T b) const { return a * b; } };

extern "C" void torch_launch_add(const float* a, const float* b, float* c, int n) { pointwise<<<(n + 255) / 256, 256>>>(a, b, c, n, Add{}); }
extern "C" void torch_launch_mul(const double* a, const double* b, double* c, int n) { pointwise<<<(n + 255) / 256, 256>>>(a, b, c, n, Mul{}); }
