// SPDX-License-Identifier: MIT
// One kernel a width, so that a row stays in registers; forward and backward.
#include "torch/launch.h"

template <int Width, typename T>
__global__ void softmax(const T* in, T* out) {
  const T* row = in + blockIdx.x * Width;
  T part[Width / 32], top = T(-1e30), sum = 0;
#pragma unroll
  for (int i = 0; i < Width / 32; ++i) top = max(top, part[i] = row[i * 32 + threadIdx.x]);
  for (int lane = 16; lane > 0; lane /= 2) top = max(top, __shfl_xor_sync(~0U, top, lane));
#pragma unroll
  for (int i = 0; i < Width / 32; ++i) sum += part[i] = exp(part[i] - top);
  for (int lane = 16; lane > 0; lane /= 2) sum += __shfl_xor_sync(~0U, sum, lane);
#pragma unroll
  for (int i = 0; i < Width / 32; ++i) out[blockIdx.x * Width + i * 32 + threadIdx.x] = part[i] / sum;
}

template <int Width, typename T>
__global__ void softmax_backward(const T* slope, const T* out, T* result) {
  const int start = blockIdx.x * Width + threadIdx.x;
  T sum = 0;
#pragma unroll
  for (int i = 0; i < Width; i += 32) sum += slope[start + i] * out[start + i];
  for (int lane = 16; lane > 0; lane /= 2) sum += __shfl_xor_sync(~0U, sum, lane);
#pragma unroll
  for (int i = 0; i < Width; i += 32) result[start + i] = out[start + i] * (slope[start + i] - sum);
}

template <int Width, typename T>
bool launch(const T* in, T* out, int rows, int width) {
  if (width == Width) softmax<Width><<<rows, 32>>>(in, out);
  return width == Width;
}
template <int Width, typename T>
bool launch_backward(const T* slope, const T* out, T* result, int rows, int width) {
  if (width == Width) softmax_backward<Width><<<rows, 32>>>(slope, out, result);
  return width == Width;
}

extern "C" void TORCH_LAUNCH(softmax)(const float* in, float* out, int rows, int width) {
  launch<128>(in, out, rows, width) || launch<256>(in, out, rows, width) || launch<512>(in, out, rows, width) || launch<1024>(in, out, rows, width);
}
extern "C" void TORCH_LAUNCH(softmax_backward)(const float* slope, const float* out, float* result, int rows, int width) {
  launch_backward<128>(slope, out, result, rows, width) || launch_backward<256>(slope, out, result, rows, width) ||
      launch_backward<512>(slope, out, result, rows, width) || launch_backward<1024>(slope, out, result, rows, width);
}
