// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_x86_automaton.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "cpu/isa/isa_x86_table.h"

namespace lathe::x86 {
namespace {

// Where the walk goes after one byte.
struct Step {
  State state = 0;
  bool mark = false;
};
using StateRow = std::array<Step, 256>;

// What a ModRM byte or an opcode says: so many bytes of immediate follow; look closer or not.
struct Rest {
  std::uint8_t imm = 0;
  bool mark = false;
  bool reported = false;  // a call, jump or reference
  auto operator<=>(const Rest&) const = default;
};
using RestRow = std::array<Rest, 256>;

// What has been seen of an instruction before its opcode.
struct Seen {
  std::uint8_t prefix = 0;  // 0, 1 (66), 2 (F3), 3 (F2)
  bool rex = false, wide = false, other = false;
  auto operator<=>(const Seen&) const = default;
  bool anything() const { return prefix || rex || other; }
};

std::uint8_t bytes_of(const Form& form) {
  if (form.imm == imm_z) return 4;
  if (form.imm == imm_a) return 8;
  return form.imm;
}

// Nothing to be said of it: exists under every prefix, needs nothing.
bool is_ordinary(const Form* form) { return form && form->needs == 0 && (form->rules & ~(lock | vl)) == 0; }

// Instructions that the sweep reports although any processor runs them.
bool is_reported_opcode(unsigned map, unsigned opcode) {
  return map == 0 ? opcode == 0xe8 || opcode == 0xe9 : (opcode & 0xf0) == 0x80;  // CALL, JMP, Jcc
}
bool is_reported_modrm(unsigned map, unsigned opcode, bool wide, unsigned modrm) {
  if (map != 0 || !is_rip_relative(static_cast<std::uint8_t>(modrm))) return false;
  if (opcode == 0xff) return (modrm >> 3 & 7) == 2 || (modrm >> 3 & 7) == 4;  // CALL, JMP through a slot
  // LEA of an address, MOV from a slot
  return wide && (opcode == 0x8d || opcode == 0x8b);
}

}  // namespace

class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(Automaton& automaton) : automaton_(automaton), table_(table()) {}

  void build() {
    rows_.emplace_back();  // state 0
    seen_[Seen{}] = 0;
    fill(0, [this](unsigned byte) { return after_opcode_byte(Seen{}, byte); });
    if (rows_.size() > marked)
      throw Error({.what = "the instruction automaton has too many states", .kind = ErrorKind::fault});
    automaton_.state_count_ = rows_.size();
    automaton_.distance_follows_ = distance().state | marked;
    for (std::size_t state = 0; state < rows_.size(); ++state)
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const Step step = rows_[state][byte];
        const State value = static_cast<State>(step.state | (step.mark ? marked : 0));
        automaton_.next_[byte * 256 + state] = automaton_.next_[byte * 256 + (state | marked)] = value;
      }
  }

 private:
  template <typename Next>
  void fill(State state, const Next& next) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const Step step = next(byte);
      rows_[state][byte] = step;
    }
  }

  State new_state() {
    if (rows_.size() >= 256)
      throw Error({.what = "the instruction automaton has too many states", .kind = ErrorKind::fault});
    rows_.emplace_back();
    return static_cast<State>(rows_.size() - 1);
  }

  // The state named `key`, made by `next` when it is first asked for.
  template <typename Next>
  State named(const std::string& key, const Next& next) {
    const auto [entry, is_new] = named_.try_emplace(key);
    if (!is_new) return entry->second;
    const State state = entry->second = new_state();
    fill(state, next);
    return state;
  }

  // So many more bytes of any kind.
  State skip(unsigned count) {
    if (count == 0) return 0;
    return named("skip" + std::to_string(count), [&](unsigned) { return Step{skip(count - 1)}; });
  }

  // The four bytes of a distance that the sweep reports: a state of its own tells it from other ends.
  Step distance() {
    return {named("distance", [&](unsigned) { return Step{skip(3)}; }), true};
  }

  // SIB under mod 0: its base decides whether a displacement follows.
  State sib(unsigned imm) {
    return named("sib" + std::to_string(imm),
                 [&](unsigned byte) { return Step{skip(imm + ((byte & 7) == 5 ? 4 : 0))}; });
  }

  Step after_modrm(unsigned modrm, Rest rest) {
    const unsigned mod = modrm >> 6, rm = modrm & 7, imm = rest.imm;
    if (rest.reported) return distance();
    if (mod == 3) return {skip(imm), rest.mark};
    if (mod == 0 && rm == 4) return {sib(imm), rest.mark};
    unsigned displacement = 0;
    if (mod == 1) displacement = 1;
    else if (mod == 2 || rm == 5) displacement = 4;
    return {skip(imm + displacement + (rm == 4)), rest.mark};
  }

  State modrm_state(const RestRow& row) {
    const auto [entry, is_new] = modrm_states_.try_emplace(row);
    if (!is_new) return entry->second;
    const State state = entry->second = new_state();
    fill(state, [&](unsigned modrm) { return after_modrm(modrm, row[modrm]); });
    return state;
  }
  State any_modrm(std::uint8_t imm) {
    RestRow row;
    row.fill({.imm = imm});
    return modrm_state(row);
  }

  // `narrow` and `wide` are the opcode's cells without and with REX.W, where that is not known yet; else the
  // same cell twice.
  Step after_opcode(unsigned map, unsigned opcode, const Cell& narrow, const Cell& wide, bool is_wide) {
    if (!narrow.has_modrm && !wide.has_modrm) {
      const Form* form = table_.form(narrow, 0);
      const Form* other = table_.form(wide, 0);
      const bool plain = is_ordinary(form) && is_ordinary(other) && bytes_of(*form) == bytes_of(*other);
      if (plain && is_reported_opcode(map, opcode)) return distance();
      if (map == 1 && opcode == 0xa2) return {0, true};  // CPUID
      return {skip(form ? bytes_of(*form) : 0), !plain};
    }
    RestRow row;
    for (unsigned modrm = 0; modrm < 256; ++modrm) {
      const Form* form = table_.form(narrow, static_cast<std::uint8_t>(modrm));
      const Form* other = table_.form(wide, static_cast<std::uint8_t>(modrm));
      const bool plain = is_ordinary(form) && is_ordinary(other) && bytes_of(*form) == bytes_of(*other);
      row[modrm] = {.imm = form ? bytes_of(*form) : std::uint8_t{0},
                    .mark = !plain,
                    .reported = plain && is_reported_modrm(map, opcode, is_wide, modrm)};
    }
    return {modrm_state(row), false};
  }

  State seen_state(const Seen& seen) {
    const auto [entry, is_new] = seen_.try_emplace(seen);
    if (!is_new) return entry->second;
    const State state = entry->second = new_state();
    fill(state, [&](unsigned byte) { return after_opcode_byte(seen, byte); });
    return state;
  }

  // A legacy prefix makes an earlier REX void. More than one prefix is marked: the decoder counts them.
  Step after_prefix(Seen seen, unsigned byte) {
    const bool again = seen.anything();
    seen.rex = seen.wide = false;
    switch (byte) {
      case 0xf3: seen.prefix = 2; break;
      case 0xf2: seen.prefix = 3; break;
      case 0x66: seen.prefix = seen.prefix ? seen.prefix : std::uint8_t{1}; break;
      default: seen.other = true;
    }
    return {seen_state(seen), again || byte == 0xf0 || byte == 0x67};
  }

  Step after_opcode_byte(const Seen& seen, unsigned byte) {
    switch (byte) {
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
      case 0x64:
      case 0x65:
      case 0x66:
      case 0x67:
      case 0xf0:
      case 0xf2:
      case 0xf3: return after_prefix(seen, byte);
      case 0x0f: return {map1_state(seen.prefix), false};
      case 0xc5: return {vex2(), true};
      case 0xc4: return {vex3(), true};
      case 0x62: return {evex(), true};
      default: break;
    }
    if ((byte & 0xf0) == 0x40) {
      Seen with_rex = seen;
      with_rex.rex = true;
      with_rex.wide = (byte & 8) != 0;
      return {seen_state(with_rex), seen.rex};
    }
    const Cell& cell = table_.legacy(0, seen.prefix, seen.wide, byte);
    return after_opcode(0, byte, cell, cell, seen.wide);
  }

  State map1_state(unsigned prefix) {
    return named("0f." + std::to_string(prefix), [&](unsigned byte) -> Step {
      if (byte == 0x38) return {named("0f38", [&](unsigned) { return Step{any_modrm(0), true}; }), false};
      if (byte == 0x3a) return {named("0f3a", [&](unsigned) { return Step{any_modrm(1), true}; }), false};
      if (byte == 0x0f) return {any_modrm(1), true};  // 3DNow!: its opcode is like an immediate
      return after_opcode(1, byte, table_.legacy(1, prefix, 0, byte), table_.legacy(1, prefix, 1, byte),
                          false);
    });
  }

  // VEX, EVEX: the first byte is marked already; what is left is the length. No opcode's immediate depends
  // on more than its map.
  State vector_opcode(unsigned map) {
    return named("vector" + std::to_string(map), [&](unsigned opcode) -> Step {
      if (map == 1 && opcode == 0x77) return {0};  // VZEROUPPER has no ModRM byte
      const bool imm =
          map == 3 ||
          (map == 1 && ((opcode & 0xfc) == 0x70 || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6)));
      return {any_modrm(imm ? 1 : 0)};
    });
  }
  static unsigned vector_map(unsigned bits) { return bits == 1 || bits == 3 ? bits : 2; }

  State vex2() {
    return named("vex2", [&](unsigned) { return Step{vector_opcode(1)}; });
  }
  State vex3() {
    return named("vex3", [&](unsigned byte) {
      const unsigned map = vector_map(byte & 31);
      return Step{named("vex3." + std::to_string(map), [&](unsigned) { return Step{vector_opcode(map)}; })};
    });
  }
  State evex() {
    return named("evex", [&](unsigned byte) {
      const unsigned map = vector_map(byte & 7);
      return Step{named("evex2." + std::to_string(map), [&](unsigned) {
        return Step{
            named("evex3." + std::to_string(map), [&](unsigned) { return Step{vector_opcode(map)}; })};
      })};
    });
  }

  Automaton& automaton_;
  const Table& table_;
  std::vector<StateRow> rows_;
  std::map<Seen, State> seen_;
  std::map<std::string, State> named_;
  std::map<RestRow, State> modrm_states_;
};

Automaton::Automaton() { AutomatonBuilder(*this).build(); }

void Automaton::trace_one(const std::uint8_t* code, std::size_t size, State* states, State from) const {
  for (std::size_t i = 0; i < size; ++i) states[i] = from = next(from, code[i]);
}

// One walk waits for its load in every step, so four go side by side, each over a quarter. Three of them
// start somewhere inside an instruction, but x86 code falls into step by itself after a few instructions:
// what they got wrong until then is done again.
void Automaton::trace(const std::uint8_t* code, std::size_t size, State* states) const {
  const std::size_t quarter = size / 4;
  const std::uint8_t *c0 = code, *c1 = c0 + quarter, *c2 = c1 + quarter, *c3 = c2 + quarter;
  State *t0 = states, *t1 = t0 + quarter, *t2 = t1 + quarter, *t3 = t2 + quarter;
  State s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (std::size_t i = 0; i < quarter; ++i) {
    t0[i] = s0 = next(s0, c0[i]);
    t1[i] = s1 = next(s1, c1[i]);
    t2[i] = s2 = next(s2, c2[i]);
    t3[i] = s3 = next(s3, c3[i]);
  }
  trace_one(code + quarter * 4, size - quarter * 4, states + quarter * 4, s3);
  for (std::size_t at = quarter; quarter && at <= quarter * 3; at += quarter) {
    State state = states[at - 1];
    for (std::size_t i = at; i < size; ++i) {
      state = next(state, code[i]);
      if (states[i] == state) break;
      states[i] = state;
    }
  }
}

const Automaton& automaton() {
  static const Automaton instance;
  return instance;
}

}  // namespace lathe::x86
