// SPDX-License-Identifier: MIT
// Non-maximum suppression of boxes that are sorted by score: a box goes when it overlaps one that stays. The
// intersection over union is computed through torch's own operators, so that this library needs the torch it
// was linked with.
#include <algorithm>
#include <cstddef>

extern "C" {
float torch_dot(const float* x, const float* y, std::size_t n);
const char* torch_cpu_capability();

const char* vision_version() { return EXTENSION_VERSION; }
const char* vision_cpu_capability() { return torch_cpu_capability(); }

static float area(const float* box) {
  const float width[1] = {box[2] - box[0]}, height[1] = {box[3] - box[1]};
  return torch_dot(width, height, 1);
}

static float overlap(const float* a, const float* b) {
  const float both[4] = {std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]),
                         std::min(a[3], b[3])};
  if (both[2] <= both[0] || both[3] <= both[1]) return 0;
  const float common = area(both);
  return common / (area(a) + area(b) - common);
}

// Numbers of the boxes that stay, into `kept`; returns how many.
std::size_t vision_nms(const float* boxes, std::size_t count, float threshold, std::size_t* kept) {
  std::size_t stay = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool hidden = std::any_of(
        kept, kept + stay, [&](std::size_t k) { return overlap(boxes + 4 * k, boxes + 4 * i) > threshold; });
    if (!hidden) kept[stay++] = i;
  }
  return stay;
}
}
