// SPDX-License-Identifier: MIT
// A soft clipper with a gain.
__global__ void overdrive(const float* x, float* y, int n, float gain) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    const float drive = x[i] * gain;
    y[i] = drive < -1 ? -2.0f / 3 : drive > 1 ? 2.0f / 3 : drive - drive * drive * drive / 3;
  }
}

extern "C" void audio_launch_overdrive(const float* x, float* y, int n, float gain) { overdrive<<<(n + 255) / 256, 256>>>(x, y, n, gain); }
