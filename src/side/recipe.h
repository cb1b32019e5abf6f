// SPDX-License-Identifier: MIT
// How the bytes of an original are put together: runs of the slim file, of the store, and of members that are
// packed again. Read from outside, so each step is checked against what is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace lathe {

struct Step {
  enum class From : std::uint8_t { slim, store, member };
  From from = From::slim;
  std::uint64_t at = 0;  // offset there; of a member its index, and all of it is taken
  std::uint64_t size = 0;
  bool operator==(const Step&) const = default;
};
using Recipe = std::vector<Step>;

void append_step(Recipe& recipe, const Step& step);  // goes on with the last one where it can

// Three numbers a step, seven bits a byte, the low ones first: size times four plus From; how far the offset
// is from where the last step of that kind ended, its sign in the lowest bit.
std::string encode(const Recipe& recipe);

struct RecipeLimits {
  std::uint64_t size = 0;  // what it has to make
  std::uint64_t slim = 0, store = 0, members = 0;
};
// Error when it is damaged, leads out of what is there, or makes another size.
Recipe decode_recipe(ByteSpan bytes, const RecipeLimits& limits);

}  // namespace lathe
