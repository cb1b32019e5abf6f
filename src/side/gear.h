// SPDX-License-Identifier: MIT
// A hash of the last 64 bytes that is cheap to move on by one: two places with the same bytes before them
// have the same hash, so that both can be cut or looked up at places that the content itself chooses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lathe {

inline constexpr std::size_t gear_window = 64;

// Numbers without a pattern (splitmix64), one for each byte.
constexpr std::array<std::uint64_t, 256> gear_numbers() {
  std::array<std::uint64_t, 256> numbers{};
  std::uint64_t state = 0;
  for (std::uint64_t& number : numbers) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    number = mixed ^ (mixed >> 31);
  }
  return numbers;
}
inline constexpr std::array<std::uint64_t, 256> gear_table = gear_numbers();

constexpr std::uint64_t gear_next(std::uint64_t hash, std::byte byte) {
  return (hash << 1) + gear_table[static_cast<std::uint8_t>(byte)];
}

}  // namespace lathe
