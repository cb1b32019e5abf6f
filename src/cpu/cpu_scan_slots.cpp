// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_slots.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "cpu/cpu_scan_names.h"
#include "cpu/isa/isa_arm64.h"
#include "cpu/isa/isa_event.h"

namespace lathe::cpu {
namespace {

// [endbr64] [bnd] jmp *slot(%rip)
std::optional<std::uint64_t> x86_stub(ByteSpan bytes, std::uint64_t address) {
  std::array<std::uint8_t, 16> code{};
  std::memcpy(code.data(), bytes.data(), std::min(bytes.size(), code.size()));
  std::size_t at = 0;
  if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && code[3] == 0xfa) at += 4;
  if (code[at] == 0xf2) ++at;
  if (code[at] != 0xff || code[at + 1] != 0x25) return std::nullopt;
  std::int32_t distance;
  std::memcpy(&distance, &code[at + 2], 4);
  return address + at + 6 + static_cast<std::uint64_t>(std::int64_t{distance});
}

std::optional<std::uint64_t> arm64_stub(ByteSpan bytes, std::uint64_t address) {
  std::vector<CodeEvent> events;
  sweep_arm64(bytes, address, 0, std::min<std::size_t>(bytes.size(), 24), events);
  for (const CodeEvent& event : events) {
    if (event.kind == CodeEvent::Kind::slot_load) return event.target;
  }
  return std::nullopt;
}

}  // namespace

Slots::Slots(const CpuCode& code, const Functions& functions) : code_(code), guards_(code.slots.size()) {
  std::vector<PlacedItem> sorted;
  sorted.reserve(code.slots.size());
  for (std::uint32_t i = 0; i < code.slots.size(); ++i)
    sorted.push_back({.address = code.slots[i].address, .number = i});
  sort_by_address(sorted);
  std::vector<AddressIndex::Range> ranges;
  ranges.reserve(sorted.size());
  for (const PlacedItem& item : sorted) {
    // Of two for one address the first; nothing can lie at the last one.
    if ((!ranges.empty() && ranges.back().begin == item.address) || item.address + 1 == 0) continue;
    ranges.push_back({.begin = item.address, .end = item.address + 1});
    numbers_.push_back(item.number);
  }
  index_ = AddressIndex(std::move(ranges));
  const auto& names = dispatch_names();
  for (std::uint32_t i = 0; i < code.slots.size(); ++i) {
    const std::string_view import = code.slots[i].import;
    if (import.empty()) continue;
    guards_[i] = static_cast<std::uint8_t>((names.is_guard_function(import) ? guard_function : 0) |
                                           (names.is_guard_variable(import) ? guard_variable : 0));
  }
  for (std::uint32_t f = 0; f < functions.size(); ++f) {
    if (names.is_guard_function(functions[f].name)) guard_functions_.push_back(f);
  }
  for (const CodeSection& section : code.sections) {
    if (section.name.starts_with(".plt") || section.name.starts_with(".iplt")) add_stubs(section);
  }
}

void Slots::add_stubs(const CodeSection& section) {
  Stubs stubs{.section = &section, .slots = {}};
  stub_bytes_ += section.bytes.size();
  const std::uint64_t size = stub_bytes_ <= most_stubs ? section.bytes.size() : 0;
  for (std::uint64_t at = 0; at < size; at += stub_step) {
    const CodeSlot* slot = behind(section, section.address + at);
    stubs.slots.push_back(slot ? static_cast<std::uint32_t>(slot - code_.slots.data()) : no_slot);
  }
  stubs_.push_back(std::move(stubs));
}

bool Slots::is_listed(std::uint32_t function) const {
  return std::ranges::binary_search(guard_functions_, function);
}

const CodeSlot* Slots::behind(const CodeSection& section, std::uint64_t address) const {
  const ByteSpan bytes = section.bytes.subspan(address - section.address);
  const auto slot = code_.machine == Machine::x86_64 ? x86_stub(bytes, address) : arm64_stub(bytes, address);
  return slot ? find(*slot) : nullptr;
}

}  // namespace lathe::cpu
