// SPDX-License-Identifier: MIT
#include "page/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "device/target.h"

namespace lathe {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(ByteUse::count)> colours = {
    "#5b9a3c", "#b9d8a5", "#8fc06f", "#3f6fb5", "#93b4dd", "#d9b44a",
    "#d98a4a", "#9a86c2", "#c78fb2", "#b06a6a", "#c9c9c9"};
// Device code of one GPU beside the next: two shades in turn.
constexpr std::array<std::string_view, 2> gpu_shades = {"#5b9a3c", "#79b65a"};

// How far from a square the worst box of a row is, whose boxes have these areas and lie along `side`.
double worst_shape(std::span<const double> areas, double side) {
  const double sum = std::accumulate(areas.begin(), areas.end(), 0.0);
  const auto [least, most] = std::ranges::minmax(areas);
  const double depth = sum / side;
  return std::max(most / (depth * depth), depth * depth / least);
}

// Places one row along the shorter side of `free`, and takes it from there.
void place_row(std::span<const double> areas, Box& free, std::vector<Box>& out) {
  const double sum = std::accumulate(areas.begin(), areas.end(), 0.0);
  const bool upright = free.width >= free.height;
  const double depth = sum / (upright ? free.height : free.width);
  double at = upright ? free.y : free.x;
  for (const double area : areas) {
    const double length = area / depth;
    out.push_back(upright ? Box{free.x, at, depth, length} : Box{at, free.y, length, depth});
    at += length;
  }
  (upright ? free.x : free.y) += depth;
  (upright ? free.width : free.height) -= depth;
}

}  // namespace

std::string_view colour_of(ByteUse use) { return colours[static_cast<std::size_t>(use)]; }

std::string_view colour_of(const GpuCode& code) {
  return code.code.kind == ImageKind::portable ? "#93b4dd" : gpu_shades[0];
}

std::string_view letters_on(std::string_view colour) {
  const auto part = [&](std::size_t at) { return std::stoi(std::string(colour.substr(at, 2)), nullptr, 16); };
  return 299 * part(1) + 587 * part(3) + 114 * part(5) > 115'000 ? "#111" : "#fff";
}

std::vector<Share> shares_of(const ByteShares& shares, const std::vector<GpuCode>& gpu) {
  std::vector<Share> all;
  std::uint64_t in_images = 0;
  for (std::size_t i = 0; i < gpu.size(); ++i) {
    all.push_back(
        {.bytes = gpu[i].bytes, .colour = gpu_shades[i % gpu_shades.size()], .label = gpu[i].name()});
    in_images += gpu[i].bytes;
  }
  for (std::size_t i = 0; i < shares.bytes.size(); ++i) {
    const auto use = static_cast<ByteUse>(i);
    std::uint64_t bytes = shares.bytes[i];
    // what is not an image: headers, unknown kinds
    if (use == ByteUse::gpu_code) bytes -= std::min(bytes, in_images);
    if (bytes > 0)
      all.push_back({.bytes = bytes, .colour = colours[i], .label = std::string(to_string(use))});
  }
  return all;
}

std::vector<Box> bar_boxes(const std::vector<Share>& shares, std::uint64_t largest, const Box& whole) {
  std::vector<Box> boxes;
  const double scale = largest == 0 ? 0 : whole.width / static_cast<double>(largest);
  double x = whole.x;
  for (const Share& share : shares) {
    const double width = static_cast<double>(share.bytes) * scale;
    boxes.push_back({x, whole.y, width, whole.height});
    x += width;
  }
  return boxes;
}

// Squarified treemaps (Bruls, Huizing, van Wijk 2000): a row takes boxes as long as its worst one gets no
// further from a square.
std::vector<Box> map_boxes(const std::vector<std::uint64_t>& sizes, const Box& whole) {
  const double sum = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  std::vector<double> areas;
  for (const std::uint64_t size : sizes) {
    if (size > 0) areas.push_back(static_cast<double>(size) / sum * whole.width * whole.height);
  }
  std::vector<Box> boxes;
  Box free = whole;
  for (std::size_t begin = 0; begin < areas.size();) {
    const double side = std::min(free.width, free.height);
    std::size_t count = 1;
    const auto row = [&](std::size_t boxes_in_it) { return std::span(areas).subspan(begin, boxes_in_it); };
    while (begin + count < areas.size() && worst_shape(row(count + 1), side) <= worst_shape(row(count), side))
      ++count;
    place_row(row(count), free, boxes);
    begin += count;
  }
  boxes.resize(sizes.size());
  return boxes;
}

void draw_box(Html& html, const Box& box, std::string_view unit, std::string_view colour,
              const std::string& title) {
  html.open("rect", {{"x", fmt::format("{:.2f}{}", box.x, unit)},
                     {"y", fmt::format("{:.2f}{}", box.y, unit)},
                     {"width", fmt::format("{:.2f}{}", std::max(box.width, 0.0), unit)},
                     {"height", fmt::format("{:.2f}{}", std::max(box.height, 0.0), unit)},
                     {"fill", std::string(colour)}});
  html.element("title", title).close().line();
}

}  // namespace lathe
