// SPDX-License-Identifier: MIT
// Compiled for the architecture-specific targets (sm_90a, sm_120a), as PyTorch's matrix kernels are.
#include "torch/launch.h"

constexpr int tile_size = 16;
template <int tile>
__global__ void matmul(const float* a, const float* b, float* c, int n) {
  __shared__ float left[tile][tile], right[tile][tile];
  const int row = blockIdx.y * tile + threadIdx.y, column = blockIdx.x * tile + threadIdx.x;
  float sum = 0;
  for (int k = 0; k < n; k += tile) {
    left[threadIdx.y][threadIdx.x] = a[row * n + k + threadIdx.x];
    right[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * n + column];
    __syncthreads();
    for (int i = 0; i < tile; ++i) sum += left[threadIdx.y][i] * right[i][threadIdx.x];
    __syncthreads();
  }
  c[row * n + column] = sum;
}
extern "C" void TORCH_LAUNCH(matmul)(const float* a, const float* b, float* c, int n) {
  matmul<tile_size><<<dim3(n / tile_size, n / tile_size), dim3(tile_size, tile_size)>>>(a, b, c, n);
}
