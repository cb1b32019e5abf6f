// SPDX-License-Identifier: MIT
// Two passes over pieces that fit the second-level cache: the automaton notes its state after each byte;
// then the marked bytes, about one in twenty, are looked at one by one.
#include "cpu/isa/isa_x86_sweep.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "cpu/isa/isa_x86.h"
#include "cpu/isa/isa_x86_automaton.h"

namespace lathe {
namespace {

using EventKind = CodeEvent::Kind;
using x86::ends_instruction;
using x86::State;

constexpr std::uint8_t no_kind = 0xff;
using KindTable = std::array<std::uint8_t, 256>;

constexpr KindTable make_opcode_kinds() {
  KindTable kinds{};
  kinds.fill(no_kind);
  for (std::size_t jcc = 0x80; jcc < 0x90; ++jcc) kinds[jcc] = static_cast<std::uint8_t>(EventKind::jump);
  kinds[0xe8] = static_cast<std::uint8_t>(EventKind::call);
  kinds[0xe9] = static_cast<std::uint8_t>(EventKind::jump);
  return kinds;
}
constexpr KindTable kind_of_opcode = make_opcode_kinds();

// By the opcode before a RIP-relative ModRM byte.
constexpr KindTable make_modrm_kinds() {
  KindTable kinds{};
  kinds.fill(no_kind);
  kinds[0x8d] = static_cast<std::uint8_t>(EventKind::reference);
  kinds[0x8b] = static_cast<std::uint8_t>(EventKind::slot_load);
  kinds[0xff] = static_cast<std::uint8_t>(EventKind::slot_call);
  return kinds;
}
constexpr KindTable kind_of_modrm = make_modrm_kinds();

// One piece: code[i] and states[i] are the byte at `first + i` of the section and the state after it.
class Piece {
 public:
  Piece(ByteSpan section, std::uint64_t address, std::size_t first, std::size_t size, State* states,
        std::vector<CodeEvent>& events)
      : code_(reinterpret_cast<const std::uint8_t*>(section.data()) + first),
        readable_(section.size() - first),
        first_(first),
        size_(size),
        address_(address + first),
        states_(states),
        events_(events) {}

  // `restarts`: all of the section's.
  std::size_t run(std::span<const std::size_t> restarts) {
    x86::automaton().trace(code_, size_, states_);
    restart_ = std::ranges::upper_bound(restarts, first_);
    restarts_end_ = std::ranges::lower_bound(restarts, first_ + size_);
    for (auto at = restart_; at != restarts_end_; ++at) restart_at(*at - first_);
    return visit_marks();
  }

 private:
  // An instruction that runs over a restart is marked at its last byte, and the trace begins anew.
  void restart_at(std::size_t at) {
    if (ends_instruction(states_[at - 1])) return;
    states_[at - 1] = x86::marked;
    State state = 0;
    for (std::size_t i = at; i < size_; ++i) {
      state = x86::automaton().next(state, code_[i]);
      if (states_[i] == state) break;
      states_[i] = state;
    }
  }

  // Eight states at once: bit 7 of a byte is its mark, and bit 7 of inside() says that no instruction ends
  // there. gather() draws the eight bits 7 together.
  static constexpr std::uint64_t high = 0x8080808080808080, low = ~high;
  static std::uint64_t inside(std::uint64_t word) { return ((word & low) + low) & high; }
  static std::uint64_t gather(std::uint64_t word) { return (word & high) * 0x0002040810204081 >> 56; }
  std::uint64_t ends_of_eight(std::size_t at) const { return gather(~inside(eight_states(at))); }
  std::uint64_t eight_states(std::size_t at) const {
    std::uint64_t word;
    std::memcpy(&word, states_ + at, 8);
    return word;
  }

  std::size_t visit_marks() {
    std::size_t ends = 0, i = 0;
    for (; i + 64 <= size_; i += 64) {
      std::uint64_t marks = 0;
      for (unsigned part = 0; part < 8; ++part) {
        const std::uint64_t word = eight_states(i + part * 8);
        ends += 8 - ((inside(word) >> 7) * 0x0101010101010101 >> 56);
        marks |= gather(word) << part * 8;
      }
      for (; marks; marks &= marks - 1) visit(i + static_cast<std::size_t>(std::countr_zero(marks)));
    }
    for (; i < size_; ++i) {
      ends += ends_instruction(states_[i]);
      if (states_[i] & x86::marked) visit(i);
    }
    // The last instruction may be cut off.
    if (size_ && !ends_instruction(states_[size_ - 1]) && done_ < size_) visit(size_ - 1);
    return ends;
  }

  // Where the instruction with the byte at `at` begins, not before done_.
  std::size_t start_of(std::size_t at) const {
    if (at >= done_ + 8) {
      if (const std::uint64_t ends = ~inside(eight_states(at - 8)) & high) {
        return at - static_cast<std::size_t>(std::countl_zero(ends)) / 8;
      }
    }
    while (at > done_ && !ends_instruction(states_[at - 1])) --at;
    return at;
  }

  void visit(std::size_t at) {
    if (at < done_) return;
    if (at + 5 > limit_) advance_limit(at);
    if (states_[at] == distance_follows_ && at + 5 <= limit_ && visit_distance(at)) return;
    visit_slowly(start_of(at));
  }

  // Calls, jumps and references end with a 4-byte distance behind the marked byte: nothing else needs to be
  // known of them.
  bool visit_distance(std::size_t at) {
    const std::uint8_t byte = code_[at];
    const bool rip = x86::is_rip_relative(byte);
    const std::uint8_t kind = rip ? kind_of_modrm[code_[at - 1]] : kind_of_opcode[byte];
    if (kind == no_kind) return false;
    report_distance(at, at + 1, static_cast<EventKind>(kind));
    done_ = at + 5;
    return true;
  }

  void visit_slowly(std::size_t at) {
    const std::size_t length = decode(at);
    if (length == 0) {
      bad(at);
      walk(at + 1);
    } else if (!agrees(at, length)) {
      walk(at + length);
    } else {
      done_ = at + length;
    }
  }

  // Makes limit_ the place where the next restart, or the piece's end, cuts off what begins at `at`.
  void advance_limit(std::size_t at) {
    while (restart_ != restarts_end_ && *restart_ - first_ <= at) lower_limit_ = *restart_++ - first_;
    limit_ = restart_ == restarts_end_ ? size_ : *restart_ - first_;
  }

  // The bytes from `at` on, at least x86_slack of them: zeros after the section's end.
  const std::uint8_t* window(std::size_t at) {
    if (readable_ - at >= x86_slack) return code_ + at;
    padded_.fill(0);
    std::copy(code_ + at, code_ + readable_, padded_.begin());
    return padded_.data();
  }

  // `distance` is where the distance lies; `at` is in the same instruction.
  void report_distance(std::size_t at, std::size_t distance, EventKind kind) {
    std::int32_t value;
    std::memcpy(&value, window(distance), 4);
    const std::uint64_t to = distance + 4 + static_cast<std::uint64_t>(std::int64_t{value});
    if (kind == EventKind::jump && to >= lower_limit_ && to < limit_) return;
    report({.target = address_ + to, .kind = kind}, at);
  }

  // Asks the decoder and reports what it says. 0: no instruction before the limit.
  std::size_t decode(std::size_t at) {
    advance_limit(at);
    const X86Instruction instruction = decode_x86_unchecked(window(at));
    const std::size_t length = instruction.length;
    if (length == 0 || at + length > limit_) return 0;
    if (is_guard(at, length)) {
      report({.kind = EventKind::guard, .needs = instruction.needs}, at);
    } else if (instruction.needs) {
      report({.kind = EventKind::use, .needs = instruction.needs}, at);
    } else {
      report_flow(at, length);
    }
    return length;
  }

  // What visit_distance() does, for an instruction with any prefixes.
  void report_flow(std::size_t at, std::size_t length) {
    if (length < 5) return;
    std::size_t opcode = at;
    while (opcode + 5 < at + length && is_prefix(code_[opcode])) ++opcode;
    const std::uint8_t rex = (code_[opcode] & 0xf0) == 0x40 ? code_[opcode] : std::uint8_t{0};
    opcode += rex != 0;
    const std::size_t distance = at + length - 4;
    const std::uint8_t byte = code_[opcode];
    if (distance == opcode + 1 && (byte == 0xe8 || byte == 0xe9)) {
      report_distance(distance - 1, distance, byte == 0xe8 ? EventKind::call : EventKind::jump);
    } else if (distance == opcode + 2 && byte == 0x0f && (code_[opcode + 1] & 0xf0) == 0x80) {
      report_distance(distance - 1, distance, EventKind::jump);
    } else if (distance == opcode + 2 && x86::is_rip_relative(code_[opcode + 1])) {
      const bool is_call = byte == 0xff && (code_[opcode + 1] == 0x15 || code_[opcode + 1] == 0x25);
      const bool is_load = (rex & 8) && (byte == 0x8b || byte == 0x8d);
      if (is_call || is_load)
        report_distance(distance - 1, distance, static_cast<EventKind>(kind_of_modrm[byte]));
    }
  }
  static bool is_prefix(std::uint8_t byte) {
    return byte == 0xf2 || byte == 0xf3 || byte == 0x66 || byte == 0x67 || byte == 0x2e || byte == 0x3e ||
           byte == 0x36 || byte == 0x26 || byte == 0x64 || byte == 0x65;
  }

  bool is_guard(std::size_t at, std::size_t length) const {
    if (length == 2) return code_[at] == 0x0f && code_[at + 1] == 0xa2;
    return length == 3 && code_[at] == 0x0f && code_[at + 1] == 0x01 && code_[at + 2] == 0xd0;
  }

  // Does the trace have the same instruction?
  bool agrees(std::size_t at, std::size_t length) const {
    if (at + 16 <= size_) {
      const std::uint64_t ends = ends_of_eight(at) | ends_of_eight(at + 8) << 8;
      return (ends & ((std::uint64_t{1} << length) - 1)) == std::uint64_t{1} << (length - 1);
    }
    for (std::size_t i = at; i + 1 < at + length; ++i) {
      if (ends_instruction(states_[i])) return false;
    }
    return ends_instruction(states_[at + length - 1]);
  }

  // Decodes one by one until in step with the trace again.
  void walk(std::size_t at) {
    while (at < limit_ && !ends_instruction(states_[at - 1])) {
      const std::size_t length = decode(at);
      if (length == 0) bad(at);
      at += length ? length : 1;
    }
    done_ = at;
  }

  void bad(std::size_t at) { report({.kind = EventKind::bad}, at); }
  void report(CodeEvent event, std::size_t at) {
    event.at = static_cast<std::uint32_t>(first_ + at);
    events_.push_back(event);
  }

  const std::uint8_t* code_;
  std::size_t readable_, first_, size_;
  std::uint64_t address_;
  State* states_;
  std::vector<CodeEvent>& events_;
  std::array<std::uint8_t, x86_slack> padded_{};
  std::size_t done_ = 0;                     // everything before has been reported
  std::size_t lower_limit_ = 0, limit_ = 0;  // the restarts around what is being looked at
  const State distance_follows_ = x86::automaton().distance_follows();
  std::span<const std::size_t>::iterator restart_, restarts_end_;
};

}  // namespace

std::size_t X86Sweep::sweep(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                            std::span<const std::size_t> restarts, std::vector<CodeEvent>& events) {
  states_.resize(std::max(states_.size(), end - begin));
  return Piece(section, address, begin, end - begin, states_.data(), events).run(restarts);
}

}  // namespace lathe
