// SPDX-License-Identifier: MIT
#include "diagnose/literal_scanner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace lathe {

LiteralScanner::LiteralScanner(std::vector<std::string> literals) : literals_(std::move(literals)) {
  window_ = 200;
  for (std::string& literal : literals_) {
    std::ranges::transform(literal, literal.begin(), lower);
    if (literal.size() < shortest) {
      throw Error({.what = fmt::format("the literal \"{}\" is shorter than {} bytes", literal, shortest)});
    }
    window_ = std::min(window_, literal.size());
  }
  const auto slot_ending = [](const std::string& literal, std::size_t end) {
    const char four[] = {0, literal[end - 2], literal[end - 1], literal[end]};
    return slot_of(four);
  };
  jumps_.fill(static_cast<std::uint8_t>(window_ - 2));
  next_.resize(literals_.size() + 1);
  for (std::uint32_t row = 1; row <= literals_.size(); ++row) {
    const std::string& literal = literals_[row - 1];
    for (std::size_t end = 2; end < window_; ++end) {
      std::uint8_t& jump = jumps_[slot_ending(literal, end)];
      jump = std::min(jump, static_cast<std::uint8_t>(window_ - 1 - end));
    }
    std::uint32_t& head = first_[slot_ending(literal, window_ - 1)];
    next_[row] = head;
    head = row;
  }
}

// Each jump waits for the table, the table for the text, the text for the jump before it. Four parts of the text walked side by
// side wait together.
void LiteralScanner::find_candidates(std::string_view text, std::size_t from, std::size_t to, Candidates& out) const {
  for (auto& lane : out) lane.clear();
  const std::size_t part = to > from ? (to - from) / 4 : 0;
  const char* last_four = text.data() + window_ - 4;
  const std::uint8_t* jumps = jumps_.data();
  const auto step = [last_four, jumps](std::size_t at, std::vector<std::size_t>& lane) __attribute__((always_inline)) {
    const std::uint8_t jump = jumps[slot_of(last_four + at)];
    if (jump != 0) [[likely]] return at + jump;
    lane.push_back(at);
    return at + 1;
  };
  std::size_t a = from, b = from + part, c = b + part, d = c + part;
  const std::size_t a_end = b, b_end = c, c_end = d;
  while (a < a_end && b < b_end && c < c_end && d < to) {
    a = step(a, out[0]);
    b = step(b, out[1]);
    c = step(c, out[2]);
    d = step(d, out[3]);
  }
  while (a < a_end) a = step(a, out[0]);
  while (b < b_end) b = step(b, out[1]);
  while (c < c_end) c = step(c, out[2]);
  while (d < to) d = step(d, out[3]);
}

}  // namespace lathe
