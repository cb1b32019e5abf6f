// SPDX-License-Identifier: MIT
#include "page/drawing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace lathe {
namespace {

double area(const Box& box) { return box.width * box.height; }

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  return std::max(width, 0.0) * std::max(height, 0.0);
}

TEST(Drawing, AMapFillsItsBoxInProportion) {
  const std::vector<std::uint64_t> sizes = {6000, 6000, 4000, 3000, 2000, 2000, 1000, 1, 0, 0};
  const Box whole = {10, 20, 600, 400};
  const std::vector<Box> boxes = map_boxes(sizes, whole);
  ASSERT_EQ(boxes.size(), sizes.size());
  const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_NEAR(area(boxes[i]), static_cast<double>(sizes[i]) / sum * area(whole), 0.01) << i;
    if (sizes[i] == 0) continue;
    EXPECT_NEAR(overlap(boxes[i], whole), area(boxes[i]), 0.01) << i << " leaves the map";
    for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(overlap(boxes[i], boxes[j]), 0, 0.01) << i << " on " << j;
  }
}

TEST(Drawing, BoxesOfAMapAreNearToSquares) {
  const std::vector<std::uint64_t> sizes(12, 100);
  for (const Box& box : map_boxes(sizes, {0, 0, 400, 300}))
    EXPECT_LT(std::max(box.width / box.height, box.height / box.width), 2);
}

TEST(Drawing, AMapOfNothingHasNoArea) {
  EXPECT_TRUE(map_boxes({}, {0, 0, 100, 100}).empty());
  for (const Box& box : map_boxes({0, 0}, {0, 0, 100, 100})) EXPECT_EQ(area(box), 0);
}

TEST(Drawing, ABarsSharesStandSideBySide) {
  const std::vector<Share> shares = {{25, "#000000", "a"}, {50, "#000000", "b"}};
  const std::vector<Box> boxes = bar_boxes(shares, 100, {10, 0, 200, 5});
  EXPECT_EQ(boxes[0].x, 10);
  EXPECT_EQ(boxes[0].width, 50);
  EXPECT_EQ(boxes[1].x, 60);
  EXPECT_EQ(boxes[1].width, 100);
}

TEST(Drawing, LettersCanBeReadOnEveryUse) {
  const auto light = [](std::string_view colour) {
    double sum = 0;
    const double weights[] = {0.2126, 0.7152, 0.0722};
    const std::string full =
        colour.size() == 7 ? std::string(colour) : std::string{'#',       colour[1], colour[1], colour[2],
                                                               colour[2], colour[3], colour[3]};
    for (std::size_t i = 0; i < 3; ++i) {
      const double part = std::stoi(full.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
      sum += weights[i] * (part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
  };
  for (std::size_t i = 0; i < static_cast<std::size_t>(ByteUse::count); ++i) {
    const std::string_view ground = colour_of(static_cast<ByteUse>(i));
    const double a = light(ground), b = light(letters_on(ground));
    EXPECT_GE((std::max(a, b) + 0.05) / (std::min(a, b) + 0.05), 4.4) << ground;
  }
}

}  // namespace
}  // namespace lathe
