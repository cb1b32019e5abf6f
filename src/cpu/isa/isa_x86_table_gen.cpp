// SPDX-License-Identifier: MIT
// Writes data/x86_instructions.txt: asks Zydis about every opcode under every prefix, vector length and
// ModRM byte, and prints what it answers as rows, equal opcodes together. Run by hand when Zydis has learnt
// new instructions:
//   cmake --build build/release --target isa_x86_table_gen
//   build/release/bench/isa_x86_table_gen > src/cpu/isa/data/x86_instructions.txt
// Not part of the program. docs/formats/isa-scan.md says what the columns mean.
#include <array>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cpu/isa/isa_x86_oracle.h"

namespace {

using Bytes = std::vector<int>;
using Modrms = std::bitset<256>;

struct Answer {
  std::string needs;
  int imm = 0;  // bytes after ModRM, SIB and displacement
  bool has_modrm = false;
  bool mod_ignored = false;
  bool operator==(const Answer&) const = default;
};

int addressing_bytes(int modrm, int sib) {
  const int mod = modrm >> 6, rm = modrm & 7;
  if (mod == 3) return 0;
  const int base = rm == 4 ? sib & 7 : rm;
  int displacement = 0;
  if (mod == 1) displacement = 1;
  else if (mod == 2 || base == 5) displacement = 4;
  return (rm == 4 ? 1 : 0) + displacement;
}

// Registers that differ from the ModRM byte's own, so that instructions that want different ones are found.
int other_register(int modrm, int distance) { return ((modrm >> 3) + distance) & 7; }
int sib_for(int modrm) { return other_register(modrm, 1) << 3; }

std::optional<lathe::ZydisAnswer> ask_raw(const Bytes& head, int modrm, int sib) {
  std::array<std::uint8_t, 15> bytes{};
  std::size_t used = 0;
  for (const int byte : head) bytes[used++] = static_cast<std::uint8_t>(byte);
  bytes[used++] = static_cast<std::uint8_t>(modrm);
  bytes[used++] = static_cast<std::uint8_t>(sib);
  return lathe::ask_zydis(bytes.data(), bytes.size());
}

// `head` are the bytes up to and with the opcode.
std::optional<Answer> ask(const Bytes& head, int modrm) {
  const auto answer = ask_raw(head, modrm, sib_for(modrm));
  if (!answer) return std::nullopt;
  const int rest = answer->length - static_cast<int>(head.size());
  if (!answer->has_modrm) return Answer{.needs = answer->needs, .imm = rest};
  // MOV to and from control registers takes every ModRM byte for a register's: no displacement where there
  // would be one.
  const auto with_displacement = ask_raw(head, (modrm & 0x38) | 0x45, 0);
  if (with_displacement && with_displacement->length == static_cast<int>(head.size()) + 1) {
    return Answer{.needs = answer->needs, .imm = 0, .has_modrm = true, .mod_ignored = true};
  }
  const int imm = rest - 1 - addressing_bytes(modrm, sib_for(modrm));
  return Answer{.needs = answer->needs, .imm = imm, .has_modrm = true};
}

// What the table says of one instruction with one ModRM byte: the columns needs, imm and rules.
struct Saying {
  std::string text;
  bool has_modrm = false;
};
Saying saying(const Answer& answer, const std::string& imm, std::string rules) {
  if (answer.mod_ignored) rules += ",mod-ignored";
  return {answer.needs + "\t" + imm + "\t" + (rules.empty() ? "-" : rules.substr(1)), answer.has_modrm};
}

// --- legacy encoding --------------------------------------------------------------------------------------

constexpr std::array<int, 4> mandatory = {0x00, 0x66, 0xf3, 0xf2};

bool is_legacy_opcode(int map, int opcode) {
  static const std::set<int> prefixes_and_escapes = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x62, 0x64, 0x65,
                                                     0x66, 0x67, 0xc4, 0xc5, 0xf0, 0xf2, 0xf3};
  if (map == 0) return !prefixes_and_escapes.contains(opcode) && (opcode & 0xf0) != 0x40;
  return map != 1 || (opcode != 0x0f && opcode != 0x38 && opcode != 0x3a);
}

std::optional<Answer> ask_legacy(int map, int opcode, int prefix, int rex, int modrm, int extra_prefix = 0) {
  Bytes head;
  if (extra_prefix) head.push_back(extra_prefix);
  if (prefix) head.push_back(mandatory[static_cast<std::size_t>(prefix)]);
  if (rex) head.push_back(0x40 | rex);
  if (map) head.push_back(0x0f);
  if (map >= 2) head.push_back(map == 2 ? 0x38 : 0x3a);
  head.push_back(opcode);
  // 8F is POP only while its ModRM byte does not look like an XOP prefix.
  if (map == 0 && opcode == 0x8f && (modrm & 31) >= 8) return std::nullopt;
  return ask(head, modrm);
}

std::optional<Saying> legacy(int map, int opcode, int prefix, int wide, int modrm) {
  const int rex = wide ? 8 : 0;
  const auto plain = ask_legacy(map, opcode, prefix, rex, modrm);
  if (!plain) return std::nullopt;
  std::string imm = std::to_string(plain->imm), rules;
  const bool repeated = prefix >= 2;
  if (repeated && ask_legacy(map, opcode, prefix, rex, modrm, 0x66)->imm != plain->imm) imm = "z";
  if (ask_legacy(map, opcode, prefix, rex, modrm, 0x67)->imm != plain->imm) imm = "a";
  if (ask_legacy(map, opcode, prefix, rex, modrm, 0xf0)) rules += ",lock";
  if (!ask_legacy(map, opcode, prefix, rex | 4, modrm)) rules += ",no-r";
  if (!ask_legacy(map, opcode, prefix, rex | 1, modrm)) rules += ",no-b";
  return saying(*plain, imm, rules);
}

// --- VEX and XOP ------------------------------------------------------------------------------------------

std::optional<Answer> ask_vex(int escape, int map, int opcode, int prefix, int wide, int length, int modrm,
                              int third, int not_rxb = 7) {
  return ask({escape, not_rxb << 5 | map, wide << 7 | (~third & 15) << 3 | length << 2 | prefix, opcode},
             modrm);
}

std::bitset<16> all_but(int count, std::initializer_list<int> missing) {
  std::bitset<16> set((1u << count) - 1);
  for (const int number : missing) set.reset(static_cast<std::size_t>(number));
  return set;
}

// `registers`: the numbers that the third operand (vvvv) may have.
std::string third_operand_rule(const std::bitset<16>& registers, int modrm) {
  const int reg = modrm >> 3 & 7, rm = modrm & 7, index = other_register(modrm, 1);
  if (registers == 1) return ",two-operands";
  if (registers.all()) return "";
  if (registers == 0xff) return ",third-below-8";
  if (registers == all_but(16, {reg})) return ",unlike-destination";
  if (registers == all_but(16, {reg, index})) return ",gather";
  if (registers == all_but(8, {reg, rm})) return ",tiles";
  std::abort();
}

std::optional<Saying> vex(int escape, int map, int opcode, int prefix, int wide, int length, int modrm) {
  std::bitset<16> registers;
  for (int third = 0; third < 16; ++third) {
    registers[static_cast<std::size_t>(third)] =
        ask_vex(escape, map, opcode, prefix, wide, length, modrm, third).has_value();
  }
  if (registers.none()) return std::nullopt;
  const int third = registers == 1 ? 0 : other_register(modrm, 2);
  const auto plain = ask_vex(escape, map, opcode, prefix, wide, length, modrm, third);
  std::string rules = third_operand_rule(registers, modrm);
  if (!ask_vex(escape, map, opcode, prefix, wide, length, modrm, third, 3)) rules += ",no-r";
  if (!ask_vex(escape, map, opcode, prefix, wide, length, modrm, third, 6)) rules += ",no-b";
  return saying(*plain, std::to_string(plain->imm), rules);
}

// --- EVEX -------------------------------------------------------------------------------------------------

struct Evex {
  int map, opcode, prefix, wide, modrm;
  int length = 0, b = 0, zero = 0, mask = 0, third = 0;
  int not_rxb_r2 = 15, not_v2 = 1;
};

Bytes evex_head(const Evex& e) {
  return {0x62, e.not_rxb_r2 << 4 | e.map, e.wide << 7 | (~e.third & 15) << 3 | 4 | e.prefix,
          e.zero << 7 | e.length << 5 | e.b << 4 | e.not_v2 << 3 | e.mask, e.opcode};
}
std::optional<Answer> ask_evex(const Evex& e) { return ask(evex_head(e), e.modrm); }

// Sets length, b, zero, mask and third to something that is an instruction.
bool find_evex(Evex& e) {
  for (const int third : {0, other_register(e.modrm, 2)}) {
    e.third = third;
    for (e.mask = 0; e.mask < 2; ++e.mask)
      for (e.length = 0; e.length < 4; ++e.length)
        for (e.b = 0; e.b < 2; ++e.b)
          if (ask_evex(e)) return true;
  }
  return false;
}

std::string evex_third_rule(Evex e) {
  std::bitset<16> registers;
  const int found = e.third;
  for (e.third = 0; e.third < 16; ++e.third)
    registers[static_cast<std::size_t>(e.third)] = ask_evex(e).has_value();
  e.third = found;
  e.not_v2 = 0;
  const bool v2_free = ask_evex(e).has_value();
  if (registers == 1 && v2_free) {
    e.not_v2 = 1;
    const bool index_may_be_destination = ask_raw(evex_head(e), e.modrm, e.modrm & 0x38).has_value();
    return index_may_be_destination ? ",two-operands,v2-is-index" : ",two-operands,v2-is-index,unlike-index";
  }
  return third_operand_rule(registers, e.modrm);
}

// "len=7/0": bit n of the first digit: length n is one without EVEX.b; of the second: with it.
std::string evex_lengths(Evex e) {
  std::string text = ",len=";
  for (e.b = 0; e.b < 2; ++e.b) {
    int lengths = 0;
    for (e.length = 0; e.length < 4; ++e.length) lengths |= ask_evex(e) ? 1 << e.length : 0;
    text += "0123456789abcdef"[lengths];
    if (!e.b) text += '/';
  }
  return text;
}

std::string evex_mask_rule(Evex e) {
  std::string found;
  for (e.zero = 0; e.zero < 2; ++e.zero)
    for (e.mask = 0; e.mask < 2; ++e.mask) found += ask_evex(e) ? '1' : '0';
  static const std::map<std::string, std::string> rules = {
      {"1000", ""}, {"1100", ",mask"}, {"1101", ",mask,zero"}, {"0100", ",mask,must-mask"}};
  return rules.at(found);
}

std::optional<Saying> evex(int map, int opcode, int prefix, int wide, int modrm) {
  Evex e{.map = map, .opcode = opcode, .prefix = prefix, .wide = wide, .modrm = modrm};
  if (!find_evex(e)) return std::nullopt;
  const auto plain = ask_evex(e);
  std::string rules = evex_third_rule(e) + evex_mask_rule(e) + evex_lengths(e);
  Evex changed = e;
  for (const auto& [bit, rule] : {std::pair{8, ",no-r"}, {2, ",no-b"}, {1, ",no-r2"}}) {
    changed.not_rxb_r2 = 15 & ~bit;
    if (!ask_evex(changed)) rules += rule;
  }
  Answer bare = *plain;
  if (const auto at = bare.needs.find("+avx512vl"); at != std::string::npos) {
    bare.needs.erase(at, 9);
  } else if (bare.needs.starts_with("avx512vl+")) {
    bare.needs.erase(0, 9);
  }
  if (bare.needs != plain->needs) rules += ",vl";
  return saying(bare, std::to_string(plain->imm), rules);
}

// --- rows -------------------------------------------------------------------------------------------------

std::string hex(int byte) {
  std::array<char, 4> text{};
  std::snprintf(text.data(), text.size(), "%02x", static_cast<unsigned>(byte));
  return text.data();
}

// "m" any memory, "m037" with those ModRM.reg, "ms" only with SIB, "mn" not RIP-relative; "r", "r15"
// registers, "u" two different ones; "=c1,d0" single bytes; "-" no ModRM byte. Joined by +.
std::string modrm_text(const Modrms& set) {
  std::string text;
  Modrms left = set;
  const auto take = [&](const std::string& letter, const std::function<bool(int)>& in_class) {
    std::string regs;
    Modrms taken;
    for (int reg = 0; reg < 8; ++reg) {
      Modrms whole;
      for (int modrm = 0; modrm < 256; ++modrm) {
        if ((modrm >> 3 & 7) == reg && in_class(modrm)) whole.set(static_cast<std::size_t>(modrm));
      }
      if ((whole & ~left).any()) continue;
      regs += static_cast<char>('0' + reg);
      taken |= whole;
    }
    if (regs.empty()) return;
    left &= ~taken;
    text += (text.empty() ? "" : "+") + letter + (regs.size() == 8 ? "" : regs);
  };
  take("m", [](int m) { return m < 0xc0; });
  take("mn", [](int m) { return m < 0xc0 && (m & 0xc7) != 5; });
  take("ms", [](int m) { return m < 0xc0 && (m & 7) == 4; });
  take("r", [](int m) { return m >= 0xc0; });
  take("u", [](int m) { return m >= 0xc0 && (m >> 3 & 7) != (m & 7); });
  std::string singles;
  for (int modrm = 0; modrm < 256; ++modrm) {
    if (left.test(static_cast<std::size_t>(modrm))) singles += (singles.empty() ? "=" : ",") + hex(modrm);
  }
  return text + (text.empty() || singles.empty() ? "" : "+") + singles;
}

// One opcode's rows: what is said, for which ModRM bytes -> in which variants (prefix, W, L).
using Variants = std::set<std::array<int, 3>>;
using OpcodeRows = std::map<std::string, Variants>;

void add_rows(OpcodeRows& rows, const std::array<int, 3>& variant,
              const std::function<std::optional<Saying>(int modrm)>& describe) {
  std::map<std::string, Modrms> sayings;
  for (int modrm = 0; modrm < 256; ++modrm) {
    const auto said = describe(modrm);
    if (said && !said->has_modrm) {
      rows[said->text + "\t-"].insert(variant);
      return;
    }
    if (said) sayings[said->text].set(static_cast<std::size_t>(modrm));
  }
  for (const auto& [text, modrms] : sayings) rows[text + "\t" + modrm_text(modrms)].insert(variant);
}

// The variants as products of prefixes, Ws and Ls, one text each.
std::vector<std::string> variant_texts(const Variants& variants, int lengths) {
  static constexpr std::array<const char*, 4> prefix_names = {"-", "66", "f3", "f2"};
  std::map<std::set<std::pair<int, int>>, std::vector<int>> prefixes_by_rest;
  for (int prefix = 0; prefix < 4; ++prefix) {
    std::set<std::pair<int, int>> rest;
    for (const auto& [p, wide, length] : variants)
      if (p == prefix) rest.insert({wide, length});
    if (!rest.empty()) prefixes_by_rest[rest].push_back(prefix);
  }
  std::vector<std::string> texts;
  for (const auto& [rest, prefixes] : prefixes_by_rest) {
    std::string prefix_text;
    for (const int p : prefixes)
      prefix_text +=
          (prefix_text.empty() ? "" : ",") + std::string(prefix_names[static_cast<std::size_t>(p)]);
    if (prefixes.size() == 4) prefix_text = "*";
    std::map<std::set<int>, std::set<int>> lengths_to_wides;
    for (int wide = 0; wide < 2; ++wide) {
      std::set<int> those;
      for (const auto& [w, length] : rest)
        if (w == wide) those.insert(length);
      if (!those.empty()) lengths_to_wides[those].insert(wide);
    }
    for (const auto& [those, wides] : lengths_to_wides) {
      const std::string w = wides.size() == 2 ? "*" : std::to_string(*wides.begin());
      std::string l = std::to_string(*those.begin());
      if (lengths == 1) l = "-";
      else if (those.size() == 2) l = "*";
      texts.push_back(prefix_text + "\t" + w + "\t" + l);
    }
  }
  return texts;
}

// "58-59,5c": the opcodes, runs drawn together.
std::string opcode_text(const std::set<int>& opcodes) {
  std::string text;
  for (auto at = opcodes.begin(); at != opcodes.end();) {
    const int first = *at;
    int last = first;
    while (++at != opcodes.end() && *at == last + 1) last = *at;
    text += (text.empty() ? "" : ",") + hex(first) + (last > first ? "-" + hex(last) : "");
  }
  return text;
}

class Table {
 public:
  explicit Table(std::string space, int lengths) : space_(std::move(space)), lengths_(lengths) {}

  void add(int map, int opcode, const OpcodeRows& rows) {
    for (const auto& [said, variants] : rows)
      for (const std::string& variant : variant_texts(variants, lengths_))
        opcodes_[{map, variant, said}].insert(opcode);
  }

  void print() const {
    for (const auto& [key, opcodes] : opcodes_) {
      const auto& [map, variant, said] = key;
      std::printf("%s\t%d\t%s\t%s\t%s\n", space_.c_str(), map, opcode_text(opcodes).c_str(), variant.c_str(),
                  said.c_str());
    }
  }

 private:
  std::string space_;
  int lengths_;
  std::map<std::tuple<int, std::string, std::string>, std::set<int>> opcodes_;
};

void print_legacy() {
  Table table("legacy", 1);
  for (int map = 0; map < 4; ++map)
    for (int opcode = 0; opcode < 256; ++opcode) {
      if (!is_legacy_opcode(map, opcode)) continue;
      OpcodeRows rows;
      for (int prefix = 0; prefix < 4; ++prefix)
        for (int wide = 0; wide < 2; ++wide)
          add_rows(rows, {prefix, wide, 0},
                   [&](int modrm) { return legacy(map, opcode, prefix, wide, modrm); });
      table.add(map, opcode, rows);
    }
  table.print();
}

void print_vex(const char* space, int escape, int first_map, int last_map) {
  Table table(space, 2);
  for (int map = first_map; map <= last_map; ++map)
    for (int opcode = 0; opcode < 256; ++opcode) {
      OpcodeRows rows;
      for (int prefix = 0; prefix < 4; ++prefix)
        for (int wide = 0; wide < 2; ++wide)
          for (int length = 0; length < 2; ++length)
            add_rows(rows, {prefix, wide, length},
                     [&](int modrm) { return vex(escape, map, opcode, prefix, wide, length, modrm); });
      table.add(map, opcode, rows);
    }
  table.print();
}

void print_evex() {
  Table table("evex", 1);
  for (int map = 1; map < 8; ++map)
    for (int opcode = 0; opcode < 256; ++opcode) {
      OpcodeRows rows;
      for (int prefix = 0; prefix < 4; ++prefix)
        for (int wide = 0; wide < 2; ++wide)
          add_rows(rows, {prefix, wide, 0},
                   [&](int modrm) { return evex(map, opcode, prefix, wide, modrm); });
      table.add(map, opcode, rows);
    }
  table.print();
}

// 3DNow! puts its opcode behind the operands.
void print_3dnow() {
  std::set<int> opcodes;
  for (int opcode = 0; opcode < 256; ++opcode) {
    const std::array<std::uint8_t, 4> bytes = {0x0f, 0x0f, 0xc1, static_cast<std::uint8_t>(opcode)};
    if (lathe::ask_zydis(bytes.data(), bytes.size())) opcodes.insert(opcode);
  }
  std::printf("3dnow\t0\t%s\t*\t*\t-\t3dnow\t1\t-\tm+r\n", opcode_text(opcodes).c_str());
}

}  // namespace

int main() {
  std::puts("# SPDX-License-Identifier: MIT");
  std::puts(
      "# x86-64 instructions: which bytes are one, how long it is, what it needs. Written by "
      "isa_x86_table_gen.cpp out "
      "of");
  std::puts(
      "# Zydis' answers; the unit tests compare them again. docs/formats/isa-scan.md says what the columns "
      "mean.");
  std::puts("#\n# space\tmap\topcodes\tprefix\tW\tL\tneeds\timm\trules\tmodrm");
  print_legacy();
  print_3dnow();
  print_vex("vex", 0xc4, 0, 31);
  print_vex("xop", 0x8f, 8, 31);
  print_evex();
}
