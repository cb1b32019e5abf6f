// SPDX-License-Identifier: MIT
// What Python asks about devices. The list of architectures is a text that was baked in, as in PyTorch.
#include <cuda_runtime_api.h>

extern "C" {
void torch_launch_add(const float* a, const float* b, float* c, int n);
const char* torch_arch_flags() { return TORCH_ARCH_FLAGS; }
const char* torch_cuda_version() { return TORCH_CUDA_VERSION; }
int torch_cuda_device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}
int torch_cuda_capability(int device) {
  cudaDeviceProp prop;
  return cudaGetDeviceProperties(&prop, device) == cudaSuccess ? prop.major * 10 + prop.minor : 0;
}
// Adds on the device; the CUDA error, 0 when all went well.
int torch_cuda_add(const float* a, const float* b, float* c, int n) {
  float* device = nullptr;
  const auto bytes = sizeof(float) * static_cast<unsigned>(n);
  if (cudaMalloc(reinterpret_cast<void**>(&device), 3 * bytes) != cudaSuccess)
    return static_cast<int>(cudaGetLastError());
  cudaMemcpy(device, a, bytes, cudaMemcpyHostToDevice);
  cudaMemcpy(device + n, b, bytes, cudaMemcpyHostToDevice);
  torch_launch_add(device, device + n, device + 2 * n, n);
  const cudaError_t launched = cudaGetLastError();
  cudaMemcpy(c, device + 2 * n, bytes, cudaMemcpyDeviceToHost);
  cudaFree(device);
  return static_cast<int>(launched);
}
}
