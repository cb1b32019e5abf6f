// SPDX-License-Identifier: MIT
// Finds many literals at once in a long text, skipping most of its bytes (Wu and Manber's method: the last
// three bytes of a window say how far it may jump), without regard to the case of ASCII letters. Of each
// literal it looks for the part that usual texts have least of. Knows nothing of logs; what a hit means is
// the caller's.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace lathe {

class LiteralScanner {
 public:
  static constexpr std::size_t shortest = 7;  // bytes: shorter literals would make every jump short

  // An Error when a literal is shorter than that. `usual`: what texts are mostly made of; it decides nothing
  // but the speed.
  explicit LiteralScanner(std::vector<std::string> literals, std::string_view usual = "");

  struct Hit {
    std::size_t position;
    std::uint32_t literal;  // index into what the constructor was given
  };

  struct Candidates {  // room to work in, for the next scan again
    std::array<std::vector<std::size_t>, 6> lanes;
    std::vector<Hit> hits;
  };

  // The hits that start in [from, to), by position. A literal may reach beyond `to` but not beyond the text.
  template <typename Sink>
  void scan(std::string_view text, std::size_t from, std::size_t to, Candidates& room,
            const Sink& sink) const {
    if (text.size() < from + window_) return;
    find_candidates(text, from, std::min(to + furthest_, text.size() - window_ + 1), room);
    room.hits.clear();
    for (const auto& lane : room.lanes) {
      for (const std::size_t window : lane) {
        for (std::uint32_t row = first_[slot_of(text.data() + window + window_ - 4)]; row != 0;
             row = next_[row]) {
          if (window < from + offsets_[row - 1]) continue;
          const std::size_t start = window - offsets_[row - 1];
          if (start < to && is_at(literals_[row - 1], text, start)) room.hits.push_back({start, row - 1});
        }
      }
    }
    std::ranges::stable_sort(room.hits, {}, &Hit::position);
    for (const Hit& hit : room.hits) sink(hit);
  }

 private:
  // Starts in [from, to) of windows whose last three bytes end a literal's window: those of each sixth, in
  // order.
  void find_candidates(std::string_view text, std::size_t from, std::size_t to, Candidates& out) const;

  static constexpr std::uint32_t slot_bits = 15;  // jumps_ is 32 KiB: it stays in the first-level cache

  // The last three of four bytes: one load. The bit that tells upper from lower case is set in each.
  static std::uint32_t slot_of(const char* four) {
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, four, 4);
    const std::uint32_t last = std::endian::native == std::endian::little ? bytes >> 8 : bytes & 0xffffffU;
    return ((last | 0x202020U) * 0x9E3779B1U) >> (32 - slot_bits);
  }
  static bool is_at(std::string_view literal, std::string_view text, std::size_t start) {
    if (literal.size() > text.size() - start) return false;
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (lower_case(text[start + i]) != literal[i]) return false;
    }
    return true;
  }

  // In lower case.
  std::vector<std::string> literals_;
  std::vector<std::size_t> offsets_;  // of each literal's window in it
  std::size_t furthest_ = 0;          // the greatest of them
  std::size_t window_ = shortest;
  std::array<std::uint8_t, 1U << slot_bits> jumps_ = {};
  // chains of literals whose window ends so; row 0: none
  std::array<std::uint32_t, 1U << slot_bits> first_ = {};
  std::vector<std::uint32_t> next_;
};

}  // namespace lathe
