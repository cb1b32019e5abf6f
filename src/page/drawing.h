// SPDX-License-Identifier: MIT
// What the picture of `inspect` and the page of `report` draw alike: shares of bytes as bars and as maps, in
// pixels or in per cent of what is around them. Colours are the same in both; what they mean is also said in
// words, in each title. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/byte_shares.h"
#include "inspect/inspect.h"
#include "page/html.h"

namespace lathe {

struct Share {
  std::uint64_t bytes = 0;
  std::string_view colour;  // "#5b9a3c"
  std::string label;        // "sm_90", "constants"
};

// What a file's bytes are for, its device code by GPU, first; they add up to what its sections hold.
std::vector<Share> shares_of(const ByteShares& shares, const std::vector<GpuCode>& gpu);
std::string_view colour_of(ByteUse use);
std::string_view colour_of(const GpuCode& code);
// Of letters on this colour: white or nearly black, whichever can be read.
std::string_view letters_on(std::string_view colour);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

// Side by side from the left of `whole`, whose width stands for `largest` bytes.
std::vector<Box> bar_boxes(const std::vector<Share>& shares, std::uint64_t largest, const Box& whole);

// A map: boxes that fill `whole`, each as large as its share and as near to a square as may be. `sizes`:
// the largest first; those of 0 bytes have no area.
std::vector<Box> map_boxes(const std::vector<std::uint64_t>& sizes, const Box& whole);

// `unit`: "" for pixels, "%".
void draw_box(Html& html, const Box& box, std::string_view unit, std::string_view colour,
              const std::string& title);

}  // namespace lathe
