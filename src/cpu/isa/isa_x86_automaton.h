// SPDX-License-Identifier: MIT
// A finite automaton that walks x86-64 code byte by byte and knows where instructions begin. It takes one
// load a byte and no branch, and four walks at a time fill the processor: that is where the sweep's speed
// comes from.
//
// It is exact for ordinary instructions. Where one is of interest (beyond the baseline, a call, a reference)
// or too rare to be worth states (several prefixes, invalid), it marks the byte, and isa_x86_sweep.cpp asks
// the decoder. Built from the decoder's own table (isa_x86_table.h), so the two cannot drift apart.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace lathe::x86 {

// The state after a byte. 0 after an instruction's last byte; bit 7 is the mark.
using State = std::uint8_t;
inline constexpr State marked = 0x80;
constexpr bool is_rip_relative(std::uint8_t modrm) { return (modrm & 0xc7) == 5; }
inline constexpr bool ends_instruction(State state) { return (state & ~marked) == 0; }

class Automaton {
 public:
  Automaton();

  State next(State state, std::uint8_t byte) const { return next_[byte * 256u + state]; }

  // The states after each of `size` bytes, the first byte taken for an instruction's start.
  void trace(const std::uint8_t* code, std::size_t size, State* states) const;

  // The state, with its mark, after the byte before a 4-byte distance that ends the instruction.
  State distance_follows() const { return distance_follows_; }

  std::size_t state_count() const { return state_count_; }  // without marks

 private:
  friend class AutomatonBuilder;
  void trace_one(const std::uint8_t* code, std::size_t size, State* states, State from) const;

  // By byte first: the states that matter lie together in one cache line of each byte's 256.
  std::array<State, 256 * 256> next_{};
  std::size_t state_count_ = 0;
  State distance_follows_ = 0;
};

const Automaton& automaton();  // made once; thread-safe

}  // namespace lathe::x86
