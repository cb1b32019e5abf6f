// SPDX-License-Identifier: MIT
// The mean of four bilinear samples for each cell of a grid over a region.
__device__ float sample(const float* image, int height, int width, float y, float x) {
  const int y0 = max(0, min(height - 1, static_cast<int>(y))), x0 = max(0, min(width - 1, static_cast<int>(x)));
  const int y1 = min(y0 + 1, height - 1), x1 = min(x0 + 1, width - 1);
  const float dy = y - y0, dx = x - x0;
  return (1 - dy) * ((1 - dx) * image[y0 * width + x0] + dx * image[y0 * width + x1]) +
         dy * ((1 - dx) * image[y1 * width + x0] + dx * image[y1 * width + x1]);
}

__global__ void roi_align(const float* image, int height, int width, const float* roi, int cells, float* out) {
  const int cell = blockIdx.x * blockDim.x + threadIdx.x;
  if (cell >= cells * cells) return;
  const float step_x = (roi[2] - roi[0]) / cells, step_y = (roi[3] - roi[1]) / cells;
  const float left = roi[0] + step_x * (cell % cells), top = roi[1] + step_y * (cell / cells);
  float sum = 0;
  for (int k = 0; k < 4; ++k) sum += sample(image, height, width, top + step_y * (0.25f + 0.5f * (k / 2)), left + step_x * (0.25f + 0.5f * (k % 2)));
  out[cell] = sum / 4;
}

extern "C" void vision_launch_roi_align(const float* image, int height, int width, const float* roi, int cells, float* out) {
  roi_align<<<(cells * cells + 127) / 128, 128>>>(image, height, width, roi, cells, out);
}
