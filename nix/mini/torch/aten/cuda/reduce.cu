// SPDX-License-Identifier: MIT
#include "torch/launch.h"

template <typename T>
__global__ void reduce(const T* in, T* out, int n) {
  __shared__ T part[256];
  T sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += in[i];
  part[threadIdx.x] = sum;
  __syncthreads();
  for (int half = 128; half > 0; half /= 2) {
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) atomicAdd(out, part[0]);
}
extern "C" void TORCH_LAUNCH(sum)(const float* in, float* out, int n) { reduce<<<64, 256>>>(in, out, n); }
