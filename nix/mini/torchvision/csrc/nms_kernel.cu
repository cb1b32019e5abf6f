// SPDX-License-Identifier: MIT
// The table of overlaps, a bit for each pair of boxes, as the first half of suppression on the device.
__device__ float overlap(const float4 a, const float4 b) {
  const float width = fminf(a.z, b.z) - fmaxf(a.x, b.x), height = fminf(a.w, b.w) - fmaxf(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const float common = width * height;
  return common / ((a.z - a.x) * (a.w - a.y) + (b.z - b.x) * (b.w - b.y) - common);
}

__global__ void overlaps(const float4* boxes, int count, float threshold, unsigned* mask) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x, word = blockIdx.y;
  if (i >= count) return;
  unsigned bits = 0;
  for (int bit = 0; bit < 32 && word * 32 + bit < count; ++bit) {
    if (overlap(boxes[i], boxes[word * 32 + bit]) > threshold) bits |= 1u << bit;
  }
  mask[i * gridDim.y + word] = bits;
}

extern "C" int torch_cuda_device_count();
extern "C" int vision_device_count() { return torch_cuda_device_count(); }
extern "C" void vision_launch_overlaps(const float* boxes, int count, float threshold, unsigned* mask) {
  overlaps<<<dim3((count + 127) / 128, (count + 31) / 32), 128>>>(reinterpret_cast<const float4*>(boxes), count, threshold, mask);
}
