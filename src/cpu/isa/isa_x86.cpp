// SPDX-License-Identifier: MIT
// One instruction is: prefixes, REX | VEX | EVEX | XOP, opcode map, opcode, ModRM, SIB, displacement,
// immediate.
//
//   legacy  [66 F2 F3 F0 67 2E 36 3E 26 64 65]* [REX 40-4F] [0F | 0F 38 | 0F 3A] opcode ...
//   VEX     C5 Rvvvv Lpp opcode ...        C4 RXBmmmmm WvvvvLpp opcode ...      (R X B vvvv stored inverted)
//   XOP     8F RXBmmmmm WvvvvLpp opcode ...    while mmmmm is 8 or more; else it is POP
//   EVEX    62 RXBR'0mmm Wvvvv1pp zL'LbV'aaa opcode ...
//   3DNow!  0F 0F ModRM ... opcode
#include "cpu/isa/isa_x86.h"

#include <algorithm>
#include <array>
#include <bit>

#include "cpu/isa/isa_x86_table.h"

namespace lathe {
namespace {

using x86::Cell;
using x86::Form;
using x86::Table;

constexpr int longest = 15;
constexpr X86Instruction invalid{};

enum class Prefix : std::uint8_t {
  none,
  lock,
  repeat_f3,
  repeat_f2,
  operand_size,
  address_size,
  segment,
  rex
};

constexpr std::array<Prefix, 256> make_prefixes() {
  std::array<Prefix, 256> kinds{};
  for (std::size_t byte = 0x40; byte < 0x50; ++byte) kinds[byte] = Prefix::rex;
  for (const std::size_t byte : {0x26u, 0x2eu, 0x36u, 0x3eu, 0x64u, 0x65u}) kinds[byte] = Prefix::segment;
  kinds[0x66] = Prefix::operand_size;
  kinds[0x67] = Prefix::address_size;
  kinds[0xf0] = Prefix::lock;
  kinds[0xf2] = Prefix::repeat_f2;
  kinds[0xf3] = Prefix::repeat_f3;
  return kinds;
}
constexpr auto prefix_kinds = make_prefixes();

struct Prefixes {
  std::uint8_t rex = 0;     // only when it stands right before the opcode
  std::uint8_t repeat = 0;  // as Table::legacy counts: 0, 2 (F3), 3 (F2); the last one counts
  bool lock = false, operand_size = false, address_size = false;
};

// By the ModRM byte: bytes of SIB and displacement. A SIB byte without base adds four to those marked.
constexpr std::uint8_t base_in_sib = 0x80;
constexpr std::array<std::uint8_t, 256> make_addressing() {
  std::array<std::uint8_t, 256> bytes{};
  for (std::size_t modrm = 0; modrm < 0xc0; ++modrm) {
    const std::size_t mod = modrm >> 6, rm = modrm & 7, with_sib = rm == 4;
    std::size_t displacement = 0;
    if (mod == 1) displacement = 1;
    else if (mod == 2 || rm == 5) displacement = 4;
    bytes[modrm] =
        static_cast<std::uint8_t>(with_sib + displacement + (mod == 0 && with_sib ? base_in_sib : 0));
  }
  return bytes;
}
constexpr auto addressing = make_addressing();

// Bytes of SIB and displacement. No branches: which one is taken here cannot be foretold.
std::size_t addressing_bytes(std::uint8_t modrm, std::uint8_t sib) {
  const unsigned bytes = addressing[modrm], no_base = (sib & 7) == 5;
  return (bytes & 15) + ((bytes >> 7 & no_base) << 2);
}

// `modrm` is nullptr where there is none.
X86Instruction finish(const std::uint8_t* begin, const std::uint8_t* modrm, const std::uint8_t* end,
                      std::uint8_t needs) {
  const auto length = static_cast<std::uint32_t>(end - begin);
  const auto modrm_at = static_cast<std::uint32_t>(modrm ? modrm - begin : 0);
  if (length > longest) return invalid;
  return std::bit_cast<X86Instruction>(length | std::uint32_t{needs} << 8 | modrm_at << 16);
}

std::size_t imm_bytes(const Form& form, const Prefixes& prefixes) {
  if (form.imm == x86::imm_z) return prefixes.operand_size ? 2 : 4;
  if (form.imm == x86::imm_a) return prefixes.address_size ? 4 : 8;
  return form.imm;
}

bool legacy_rules_hold(const Form& form, const Prefixes& prefixes) {
  if (prefixes.lock && !(form.rules & x86::lock)) return false;
  if ((prefixes.rex & 4) && (form.rules & x86::no_r)) return false;
  return !((prefixes.rex & 1) && (form.rules & x86::no_b));
}

X86Instruction decode_3dnow(const Table& table, const std::uint8_t* begin, const std::uint8_t* modrm,
                            bool locked) {
  const std::uint8_t* const opcode = modrm + 1 + addressing_bytes(modrm[0], modrm[1]);
  if (locked || opcode - begin >= longest || !table.is_3dnow(*opcode)) return invalid;
  return finish(begin, modrm, opcode + 1, table.threednow_needs());
}

// `at` is behind the prefixes.
X86Instruction decode_legacy(const Table& table, const std::uint8_t* begin, const std::uint8_t* at,
                             const Prefixes& prefixes) {
  unsigned map = 0;
  if (*at == 0x0f) {
    ++at;
    map = 1;
    if (*at == 0x38 || *at == 0x3a) map = *at++ == 0x38 ? 2 : 3;
    if (map == 1 && *at == 0x0f) return decode_3dnow(table, begin, at + 1, prefixes.lock);
  }
  const unsigned prefix = prefixes.repeat ? prefixes.repeat : prefixes.operand_size;
  const Cell& cell = table.legacy(map, prefix, prefixes.rex >> 3 & 1, *at++);
  const Form* form = table.form(cell, *at);
  if (!form || !legacy_rules_hold(*form, prefixes)) return invalid;
  const std::uint8_t* const modrm = cell.has_modrm ? at : nullptr;
  if (modrm) at += 1 + (form->rules & x86::mod_ignored ? 0 : addressing_bytes(at[0], at[1]));
  return finish(begin, modrm, at + imm_bytes(*form, prefixes), form->needs);
}

// Register numbers of a VEX, XOP or EVEX instruction, all bits in place.
struct Registers {
  unsigned reg = 0, rm = 0, third = 0, index = 0;
};

bool different_registers(const Form& form, const Registers& r, bool is_memory) {
  if (form.rules & x86::unlike_destination) return r.reg != r.third && (is_memory || r.reg != r.rm);
  if (form.rules & x86::tiles) return r.reg != r.rm && r.reg != r.third && r.rm != r.third;
  if (form.rules & x86::unlike_index) return r.reg != r.index;
  if (form.rules & x86::gather) return r.reg != r.third && r.reg != r.index && r.third != r.index;
  return true;
}

// `payload` is the byte with W, vvvv, L and pp; `rxb` the byte with R, X and B in its upper bits.
X86Instruction decode_vex(const Table& table, const std::uint8_t* begin, const std::uint8_t* at, unsigned map,
                          unsigned rxb, unsigned payload) {
  const Cell& cell = table.vex(map, payload & 3, payload >> 7, payload >> 2 & 1, *at++);
  const Form* form = table.form(cell, *at);
  if (!form) return invalid;
  const unsigned rules = form->rules;
  Registers registers{.third = ~payload >> 3 & 15};
  const std::uint8_t* const modrm_at = cell.has_modrm ? at : nullptr;
  if ((rules & x86::two_operands) && registers.third != 0) return invalid;
  if (cell.has_modrm) {
    const unsigned modrm = *at, sib = at[1];
    if ((rules & x86::no_r) && !(rxb & 0x80)) return invalid;
    if ((rules & x86::no_b) && !(rxb & 0x20)) return invalid;
    if ((rules & x86::third_below_8) && registers.third > 7) return invalid;
    if (rules & (x86::unlike_destination | x86::tiles | x86::gather)) {
      registers.reg = (modrm >> 3 & 7) | (~rxb >> 4 & 8);
      registers.rm = (modrm & 7) | (~rxb >> 2 & 8);
      registers.index = (sib >> 3 & 7) | (~rxb >> 3 & 8);
      if ((rules & x86::tiles) && registers.third > 7) return invalid;
      if (!different_registers(*form, registers, modrm < 0xc0)) return invalid;
    }
    at += 1 + addressing_bytes(at[0], at[1]);
  }
  return finish(begin, modrm_at, at + form->imm, form->needs);
}

struct EvexBytes {
  unsigned first, second, third;
};

bool evex_rules_hold(const Form& form, const EvexBytes& e, unsigned modrm, unsigned sib) {
  const unsigned rules = form.rules, length = e.third >> 5 & 3, b = e.third >> 4 & 1;
  const bool masked = (e.third & 7) != 0;
  if (!(form.lengths >> (b * 4 + length) & 1)) return false;
  if (!(form.masks >> ((e.third >> 7) * 2 + masked) & 1)) return false;
  if ((rules & x86::two_operands) && (e.second & 0x78) != 0x78) return false;
  if ((rules & x86::two_operands) && !(rules & x86::v2_is_index) && !(e.third & 8)) return false;
  if ((rules & x86::no_r) && !(e.first & 0x80)) return false;
  if ((rules & x86::no_b) && !(e.first & 0x20)) return false;
  if ((rules & x86::no_r2) && !(e.first & 0x10)) return false;
  if (!(rules & (x86::unlike_destination | x86::unlike_index))) return true;
  const Registers registers{.reg = (modrm >> 3 & 7) | (~e.first >> 4 & 8) | (~e.first & 16),
                            .rm = (modrm & 7) | (~e.first >> 2 & 8) | (~e.first >> 2 & 16),
                            .third = (~e.second >> 3 & 15) | (~e.third << 1 & 16),
                            .index = (sib >> 3 & 7) | (~e.first >> 3 & 8) | (~e.third << 1 & 16)};
  return different_registers(form, registers, modrm < 0xc0);
}

X86Instruction decode_evex(const Table& table, const std::uint8_t* begin, const std::uint8_t* at) {
  const EvexBytes e{.first = at[0], .second = at[1], .third = at[2]};
  if ((e.first & 8) || !(e.second & 4)) return invalid;
  const Cell& cell = table.evex(e.first & 7, e.second & 3, e.second >> 7, at[3]);
  const std::uint8_t modrm = at[4], sib = at[5];
  const Form* form = table.form(cell, modrm);
  if (!form || !evex_rules_hold(*form, e, modrm, sib)) return invalid;
  const unsigned length = e.third >> 5 & 3;
  // then L'L is a rounding mode and the length is 512
  const bool rounding = (e.third & 0x10) && modrm >= 0xc0;
  const std::uint8_t needs = length < 2 && !rounding ? form->needs_with_vl : form->needs;
  return finish(begin, at + 4, at + 5 + addressing_bytes(modrm, sib) + form->imm, needs);
}

// `at` is behind the prefixes.
X86Instruction decode_escaped(const Table& table, const std::uint8_t* begin, const std::uint8_t* at,
                              const Prefixes& prefixes) {
  if (prefixes.rex || prefixes.repeat || prefixes.operand_size || prefixes.lock) return invalid;
  const unsigned second = at[1], third = at[2];
  switch (*at) {
    case 0xc5: return decode_vex(table, begin, at + 2, 1, second | 0x60, second & 0x7f);
    case 0x62: return decode_evex(table, begin, at + 1);
    default: break;
  }
  const unsigned map = second & 31;
  if (map >= Table::vex_maps || (*at == 0xc4) != (map < 8)) return invalid;
  return decode_vex(table, begin, at + 3, map, second, third);
}

bool is_escape(const std::uint8_t* at) {
  return *at == 0xc4 || *at == 0xc5 || *at == 0x62 || (*at == 0x8f && (at[1] & 31) >= 8);
}

}  // namespace

X86Instruction decode_x86_unchecked(const std::uint8_t* bytes) {
  const Table& table = x86::table();
  Prefixes prefixes;
  const std::uint8_t* at = bytes;
  for (Prefix kind; (kind = prefix_kinds[*at]) != Prefix::none; ++at) {
    if (at - bytes >= longest) return invalid;
    prefixes.rex = kind == Prefix::rex ? *at : std::uint8_t{0};
    prefixes.lock |= kind == Prefix::lock;
    prefixes.operand_size |= kind == Prefix::operand_size;
    prefixes.address_size |= kind == Prefix::address_size;
    if (kind == Prefix::repeat_f3) prefixes.repeat = 2;
    if (kind == Prefix::repeat_f2) prefixes.repeat = 3;
  }
  return is_escape(at) ? decode_escaped(table, bytes, at, prefixes)
                       : decode_legacy(table, bytes, at, prefixes);
}

X86Instruction decode_x86(ByteSpan bytes) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() >= x86_slack) return decode_x86_unchecked(begin);
  std::array<std::uint8_t, x86_slack> padded{};
  std::copy_n(begin, bytes.size(), padded.begin());
  const X86Instruction instruction = decode_x86_unchecked(padded.data());
  return instruction.length <= bytes.size() ? instruction : invalid;
}

const ExtensionSet& x86_needs(std::uint8_t needs) { return x86::table().needs(needs); }

}  // namespace lathe
