// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_sweep.h"

#include <algorithm>
#include <array>

#include "base/parallel.h"
#include "cpu/cpu_scan_slots.h"
#include "cpu/isa/isa.h"
#include "cpu/isa/isa_arm64.h"
#include "cpu/isa/isa_event.h"
#include "cpu/isa/isa_x86.h"
#include "cpu/isa/isa_x86_sweep.h"

namespace lathe::cpu {
namespace {

using Kind = CodeEvent::Kind;

// Small enough for the second-level cache, large enough to make starting a piece cheap.
constexpr std::uint64_t piece_bytes = 128 << 10;

// Consecutive functions of one section.
struct Piece {
  std::uint32_t first = 0, last = 0;  // [first, last)
};

std::vector<Piece> pieces_of(const Functions& functions) {
  std::vector<Piece> pieces;
  for (std::uint32_t i = 0; i < functions.size();) {
    std::uint32_t next = i + 1;
    while (next < functions.size() && functions[next].section == functions[i].section &&
           functions[next].end - functions[i].address <= piece_bytes) {
      ++next;
    }
    pieces.push_back({i, next});
    i = next;
  }
  return pieces;
}

// Turns the events of one piece into facts.
class Collector {
 public:
  Collector(const Functions& functions, const Slots& slots, Piece piece, Facts& facts)
      : functions_(functions), slots_(slots), facts_(facts), current_(piece.first), last_(piece.last) {
    facts_.asks.assign(piece.last - piece.first, 0);
    first_ = piece.first;
  }

  void take(const std::vector<CodeEvent>& events, std::uint64_t section_address) {
    for (const CodeEvent& event : events) {
      const std::uint64_t address = section_address + event.at;
      while (current_ < last_ && address >= functions_.range(current_).end) next_function();
      if (current_ == last_) return;
      if (address >= functions_.range(current_).begin) take(event, address);
    }
    while (current_ < last_) next_function();
  }

 private:
  void take(const CodeEvent& event, std::uint64_t address) {
    switch (event.kind) {
      case Kind::use: add_use(event.needs, address); break;
      case Kind::guard:
        asks();
        if (event.needs) add_use(event.needs, address);
        break;
      case Kind::call:
      case Kind::jump: add_edge_to_code(event.target, true); break;
      case Kind::reference: add_edge_to_code(event.target, false); break;
      case Kind::slot_call: add_edge_through(slots_.find(event.target), true); break;
      case Kind::slot_load: add_edge_through(slots_.find(event.target), false); break;
      case Kind::bad: bad_ = true; break;
    }
  }

  void add_use(std::uint8_t needs, std::uint64_t address) {
    const std::size_t kind = needs * 2u + bad_;
    if (counts_[kind]++ == 0) {
      firsts_[kind] = address;
      touched_.push_back(static_cast<std::uint16_t>(kind));
    }
  }

  void add_edge_to_code(std::uint64_t target, bool call) {
    const std::uint32_t to = call ? functions_.at(target) : functions_.starting_at(target);
    if (to == none || to == current_) return;
    if (const CodeSlot* slot = slots_.behind_stub(target)) return add_edge_through(slot, call);
    add_edge(to, call);
  }

  void add_edge_through(const CodeSlot* slot, bool call) {
    if (!slot) return;
    if (slots_.is_guard(*slot, call)) asks();
    const std::uint32_t to = slot->target ? functions_.at(slot->target) : none;
    if (to != none && to != current_) add_edge(to, call);
  }

  void add_edge(std::uint32_t to, bool call) {
    if (call && slots_.is_guard(to)) asks();
    callees_.push_back(std::uint64_t{to} << 1 | call);
  }

  void asks() { facts_.asks[current_ - first_] = 1; }

  // Instructions behind something that is none may be data; between functions, so may those before it.
  void next_function() {
    const Function& function = functions_[current_];
    for (const std::uint16_t kind : touched_) {
      const bool behind_bad = kind & 1;
      facts_.uses.push_back({.function = current_,
                             .needs = static_cast<std::uint8_t>(kind / 2),
                             .doubtful = !function.whole && (behind_bad || (function.gap && bad_)),
                             .count = counts_[kind],
                             .first = firsts_[kind]});
      counts_[kind] = 0;
    }
    touched_.clear();
    bad_ = false;
    add_edges();
    ++current_;
  }

  // Each once, in the order of Edge.
  void add_edges() {
    std::ranges::sort(callees_);
    callees_.erase(std::unique(callees_.begin(), callees_.end()), callees_.end());
    for (const std::uint64_t callee : callees_) {
      facts_.edges.push_back({current_, static_cast<std::uint32_t>(callee >> 1), (callee & 1) != 0});
    }
    callees_.clear();
  }

  const Functions& functions_;
  const Slots& slots_;
  Facts& facts_;
  std::uint32_t current_, last_, first_;
  bool bad_ = false;
  std::array<std::uint32_t, 512> counts_{};
  std::array<std::uint64_t, 512> firsts_{};
  std::vector<std::uint16_t> touched_;
  // of the current function: number << 1 | is called, else its address is taken
  std::vector<std::uint64_t> callees_;
};

Facts sweep_piece(const CpuCode& code, const Functions& functions, const Slots& slots, Piece piece) {
  Facts facts;
  const CodeSection& section = code.sections[functions[piece.first].section];
  const auto offset_of = [&](std::uint64_t address) {
    return static_cast<std::size_t>(address - section.address);
  };
  const std::size_t begin = offset_of(functions[piece.first].address),
                    end = offset_of(functions[piece.last - 1].end);
  thread_local X86Sweep x86_sweep;
  thread_local std::vector<CodeEvent> events;
  events.clear();
  if (code.machine == Machine::x86_64) {
    std::vector<std::size_t> restarts;
    for (std::uint32_t i = piece.first; i < piece.last; ++i) {
      const std::size_t start = offset_of(functions[i].address);
      if (i > piece.first && start > offset_of(functions[i - 1].end))
        restarts.push_back(offset_of(functions[i - 1].end));
      restarts.push_back(start);
    }
    facts.instructions = x86_sweep.sweep(section.bytes, section.address, begin, end, restarts, events);
  } else {
    facts.instructions = sweep_arm64(section.bytes, section.address, begin, end, events);
    std::ranges::stable_sort(events, {}, &CodeEvent::at);
  }
  Collector(functions, slots, piece, facts).take(events, section.address);
  return facts;
}

std::vector<std::uint8_t> pointed_functions(const CpuCode& code, const Functions& functions) {
  std::vector<std::uint8_t> pointed(functions.size(), 0);
  for (const CodeSlot& slot : code.slots) {
    if (slot.table || slot.target == 0) continue;
    const std::uint32_t function = functions.starting_at(slot.target);
    if (function != none) pointed[function] = 1;
  }
  return pointed;
}

}  // namespace

Facts sweep(const CpuCode& code, const Functions& functions, unsigned threads) {
  const Slots slots(code, functions);
  const std::vector<Piece> pieces = pieces_of(functions);
  std::vector<Facts> parts(pieces.size());
  parallel_for_all(
      pieces.size(), [&](std::size_t i) { parts[i] = sweep_piece(code, functions, slots, pieces[i]); },
      threads);
  Facts all;
  std::size_t uses = 0, edges = 0;
  for (const Facts& part : parts) {
    uses += part.uses.size();
    edges += part.edges.size();
  }
  all.uses.reserve(uses);
  all.edges.reserve(edges);
  all.asks.reserve(functions.size());
  for (Facts& part : parts) {
    all.uses.insert(all.uses.end(), part.uses.begin(), part.uses.end());
    all.edges.insert(all.edges.end(), part.edges.begin(), part.edges.end());
    all.asks.insert(all.asks.end(), part.asks.begin(), part.asks.end());
    all.instructions += part.instructions;
    part = {};
  }
  all.pointed = pointed_functions(code, functions);
  return all;
}

const ExtensionSet& needs_of(Machine machine, std::uint8_t needs) {
  return machine == Machine::x86_64 ? x86_needs(needs) : arm64_needs(needs);
}

}  // namespace lathe::cpu
