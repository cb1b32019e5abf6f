// SPDX-License-Identifier: MIT
#include "diagnose/literal_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace lathe {

namespace {

// How often three bytes follow each other in usual texts, by slot of the caller.
using Frequencies = std::vector<std::uint32_t>;

// Where in the literal the window costs least: its end stops the scan wherever it stands in a text, what
// comes before it only shortens jumps.
template <typename SlotEnding>
std::size_t best_window(const std::string& literal, std::size_t window, const Frequencies& usual,
                        const SlotEnding& slot_ending) {
  std::size_t best = 0;
  double least = -1;
  for (std::size_t offset = 0; offset + window <= literal.size(); ++offset) {
    double cost = 0;
    for (std::size_t end = 2; end < window; ++end) {
      cost += usual[slot_ending(literal, offset + end)] / static_cast<double>(window - end);
    }
    if (least < 0 || cost < least) {
      least = cost;
      best = offset;
    }
  }
  return best;
}

}  // namespace

LiteralScanner::LiteralScanner(std::vector<std::string> literals, std::string_view usual)
    : literals_(std::move(literals)) {
  window_ = 200;
  for (std::string& literal : literals_) {
    std::ranges::transform(literal, literal.begin(), [](char c) { return lower_case(c); });
    if (literal.size() < shortest) {
      throw Error({.what = fmt::format("the literal \"{}\" is shorter than {} bytes", literal, shortest)});
    }
    window_ = std::min(window_, literal.size());
  }
  const auto slot_ending = [](const std::string& literal, std::size_t end) {
    const char four[] = {0, literal[end - 2], literal[end - 1], literal[end]};
    return slot_of(four);
  };
  Frequencies frequencies(std::size_t{1} << slot_bits);
  const std::string often(usual);
  for (std::size_t end = 2; end < often.size(); ++end) ++frequencies[slot_ending(often, end)];
  jumps_.fill(static_cast<std::uint8_t>(window_ - 2));
  next_.resize(literals_.size() + 1);
  for (std::uint32_t row = 1; row <= literals_.size(); ++row) {
    const std::string& literal = literals_[row - 1];
    const std::size_t offset = best_window(literal, window_, frequencies, slot_ending);
    offsets_.push_back(offset);
    furthest_ = std::max(furthest_, offset);
    for (std::size_t end = 2; end < window_; ++end) {
      std::uint8_t& jump = jumps_[slot_ending(literal, offset + end)];
      jump = std::min(jump, static_cast<std::uint8_t>(window_ - 1 - end));
    }
    std::uint32_t& head = first_[slot_ending(literal, offset + window_ - 1)];
    next_[row] = head;
    head = row;
  }
}

// Each jump waits for the table, the table for the text, the text for the jump before it. Six parts of the
// text walked side by side wait together.
void LiteralScanner::find_candidates(std::string_view text, std::size_t from, std::size_t to,
                                     Candidates& out) const {
  for (auto& lane : out.lanes) lane.clear();
  const std::size_t part = to > from ? (to - from) / 6 : 0;
  const char* last_four = text.data() + window_ - 4;
  const std::uint8_t* jumps = jumps_.data();
  const auto step =
      [ last_four, jumps ](std::size_t at, std::vector<std::size_t> & lane) __attribute__((always_inline)) {
    const std::uint8_t jump = jumps[slot_of(last_four + at)];
    if (jump != 0) [[likely]]
      return at + jump;
    lane.push_back(at);
    return at + 1;
  };
  std::size_t a = from, b = from + part, c = b + part, d = c + part, e = d + part, f = e + part;
  const std::size_t a_end = b, b_end = c, c_end = d, d_end = e, e_end = f;
  while (a < a_end && b < b_end && c < c_end && d < d_end && e < e_end && f < to) {
    a = step(a, out.lanes[0]);
    b = step(b, out.lanes[1]);
    c = step(c, out.lanes[2]);
    d = step(d, out.lanes[3]);
    e = step(e, out.lanes[4]);
    f = step(f, out.lanes[5]);
  }
  while (a < a_end) a = step(a, out.lanes[0]);
  while (b < b_end) b = step(b, out.lanes[1]);
  while (c < c_end) c = step(c, out.lanes[2]);
  while (d < d_end) d = step(d, out.lanes[3]);
  while (e < e_end) e = step(e, out.lanes[4]);
  while (f < to) f = step(f, out.lanes[5]);
}

}  // namespace lathe
