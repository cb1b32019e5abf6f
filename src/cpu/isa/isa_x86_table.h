// SPDX-License-Identifier: MIT
// data/x86_instructions.txt and data/x86_newer.txt as the decoder reads them: from encoding space, opcode
// map, prefix, W, L, opcode and ModRM byte to a Form, in four loads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpu/isa/isa.h"

namespace lathe::x86 {

enum Rule : std::uint16_t {
  lock = 1 << 0,                // the LOCK prefix is allowed
  no_r = 1 << 1,                // the bit that extends ModRM.reg must not be used
  no_b = 1 << 2,                // the same for ModRM.rm
  no_r2 = 1 << 3,               // the same for EVEX.R'
  mod_ignored = 1 << 4,         // ModRM always names registers
  two_operands = 1 << 5,        // vvvv is not used and must say so
  third_below_8 = 1 << 6,       // vvvv names a mask or tile register
  unlike_destination = 1 << 7,  // the destination is none of the sources
  gather = 1 << 8,              // destination, index and mask differ
  tiles = 1 << 9,               // three different tile registers
  v2_is_index = 1 << 10,        // EVEX.V' extends the index of a gather
  unlike_index = 1 << 11,       // the destination is not the index
  vl = 1 << 12,                 // lengths 128 and 256 need AVX512VL besides
};

inline constexpr std::uint8_t imm_z = 0x10;  // 4 bytes, 2 under 0x66
inline constexpr std::uint8_t imm_a = 0x11;  // an address: 8 bytes, 4 under 0x67

// One line of the table.
struct Form {
  std::uint16_t rules = 0;
  std::uint8_t needs = 0;
  std::uint8_t needs_with_vl = 0;
  std::uint8_t imm = 0;
  std::uint8_t lengths = 0;  // EVEX: bit L: length L without EVEX.b; bit 4 + L: with it
  std::uint8_t masks = 0;    // EVEX: bit (z << 1 | aaa != 0): allowed
};

// All that is known of one opcode under one prefix, W and L.
struct Cell {
  std::uint16_t pattern = 0;  // which of the forms a ModRM byte selects
  std::uint16_t first_form = 0;
  bool has_modrm = true;
};

inline constexpr std::uint8_t no_form = 0xff;
using Pattern = std::array<std::uint8_t, 256>;  // ModRM byte -> number of the form, or no_form

class Table {
 public:
  // Parses the two texts; an Error names the line that is wrong.
  explicit Table(std::vector<std::pair<std::string, std::string_view>> texts);

  // `prefix`: 0 none, 1 0x66, 2 0xF3, 3 0xF2, as VEX.pp has it.
  const Cell& legacy(unsigned map, unsigned prefix, unsigned wide, unsigned opcode) const {
    return cells_[index_[legacy_at(map, prefix, wide, opcode)]];
  }
  const Cell& vex(unsigned map, unsigned prefix, unsigned wide, unsigned length, unsigned opcode) const {
    return cells_[index_[vex_at(map, prefix, wide, length, opcode)]];
  }
  const Cell& evex(unsigned map, unsigned prefix, unsigned wide, unsigned opcode) const {
    return cells_[index_[evex_at(map, prefix, wide, opcode)]];
  }
  // nullptr: no such instruction. A cell without ModRM byte has the same form for all.
  const Form* form(const Cell& cell, std::uint8_t modrm) const {
    const std::uint8_t number = patterns_[cell.pattern][modrm];
    return number == no_form ? nullptr : &forms_[cell.first_form + number];
  }
  bool is_3dnow(std::uint8_t opcode) const { return threednow_[opcode]; }

  const ExtensionSet& needs(std::uint8_t number) const { return needs_[number]; }
  std::uint8_t threednow_needs() const { return threednow_needs_; }

  // Opcode maps: legacy 0 to 3; VEX 1 to 3; XOP 8 to 10 (through vex()); EVEX 1 to 7.
  static constexpr unsigned vex_maps = 16, evex_maps = 8;

 private:
  friend class TableBuilder;
  static constexpr std::size_t legacy_size = 4 * 4 * 2 * 256, vex_size = vex_maps * 4 * 4 * 256;
  static std::size_t legacy_at(unsigned map, unsigned prefix, unsigned wide, unsigned opcode) {
    return ((map * 4 + prefix) * 2 + wide) * 256 + opcode;
  }
  static std::size_t vex_at(unsigned map, unsigned prefix, unsigned wide, unsigned length, unsigned opcode) {
    return legacy_size + (((map * 4 + prefix) * 2 + wide) * 2 + length) * 256 + opcode;
  }
  static std::size_t evex_at(unsigned map, unsigned prefix, unsigned wide, unsigned opcode) {
    return legacy_size + vex_size + ((map * 4 + prefix) * 2 + wide) * 256 + opcode;
  }
  static constexpr std::size_t index_size = legacy_size + vex_size + evex_maps * 4 * 2 * 256;

  std::vector<std::uint16_t> index_;
  std::vector<Cell> cells_;
  std::vector<Pattern> patterns_;
  std::vector<Form> forms_;
  std::vector<ExtensionSet> needs_;
  std::array<bool, 256> threednow_{};
  std::uint8_t threednow_needs_ = 0;
};

// The table compiled into the program, read once. Thread-safe.
const Table& table();

}  // namespace lathe::x86
