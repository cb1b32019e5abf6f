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

}  // namespace lathe
