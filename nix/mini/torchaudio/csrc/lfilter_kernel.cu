// SPDX-License-Identifier: MIT
// The same filter on the device, a channel for each thread.
__global__ void lfilter(const float* x, float* y, int n, int channels, const float* a, const float* b, int order) {
  const int channel = blockIdx.x * blockDim.x + threadIdx.x;
  if (channel >= channels) return;
  const float* in = x + static_cast<long>(channel) * n;
  float* out = y + static_cast<long>(channel) * n;
  for (int i = 0; i < n; ++i) {
    float sum = 0;
    for (int k = 0; k <= order && k <= i; ++k) sum += b[k] * in[i - k];
    for (int k = 1; k <= order && k <= i; ++k) sum -= a[k] * out[i - k];
    out[i] = sum;
  }
}

extern "C" int torch_cuda_device_count();
extern "C" int audio_device_count() { return torch_cuda_device_count(); }
extern "C" void audio_launch_lfilter(const float* x, float* y, int n, int channels, const float* a, const float* b, int order) {
  lfilter<<<(channels + 63) / 64, 64>>>(x, y, n, channels, a, b, order);
}
