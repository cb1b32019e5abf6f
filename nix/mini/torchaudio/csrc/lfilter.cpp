// SPDX-License-Identifier: MIT
// A recursive filter: y[i] = b . x[i..] - a . y[i-1..]. The sums are torch's.
#include <cstddef>
#include <vector>

extern "C" {
float torch_dot(const float* x, const float* y, std::size_t n);
const char* audio_version() { return EXTENSION_VERSION; }

void audio_lfilter(const float* x, float* y, std::size_t n, const float* a, const float* b,
                   std::size_t order) {
  std::vector<float> window(order + 1), past(order);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k <= order; ++k) window[k] = i >= k ? x[i - k] : 0;
    for (std::size_t k = 0; k < order; ++k) past[k] = i > k ? y[i - 1 - k] : 0;
    y[i] = torch_dot(b, window.data(), order + 1) - torch_dot(a + 1, past.data(), order);
  }
}
}
