// SPDX-License-Identifier: MIT
// The loader's slots by address, and the stubs (procedure linkage table) that jump through them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/address_index.h"
#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"

namespace lathe::cpu {

class Slots {
 public:
  Slots(const CpuCode& code, const Functions& functions);

  // Is it what dispatch.toml lists as asking the processor?
  bool is_guard(const CodeSlot& slot, bool call) const {
    const std::uint8_t flags = guards_[static_cast<std::size_t>(&slot - code_.slots.data())];
    return (flags & guard_variable) || (call && (flags & guard_function));
  }
  bool is_guard(std::uint32_t function) const { return !guard_functions_.empty() && is_listed(function); }

  const CodeSlot* find(std::uint64_t address) const {
    const std::uint32_t place = index_.at(address);
    return place == AddressIndex::none ? nullptr : &code_.slots[numbers_[place]];
  }

  // The slot through which the stub at `address` jumps.
  const CodeSlot* behind_stub(std::uint64_t address) const {
    for (const Stubs& stubs : stubs_) {
      const std::uint64_t inside = address - stubs.section->address;
      if (inside >= stubs.section->bytes.size()) continue;
      if (inside % stub_step || stubs.slots.empty()) return behind(*stubs.section, address);
      const std::uint32_t slot = stubs.slots[inside / stub_step];
      return slot == no_slot ? nullptr : &code_.slots[slot];
    }
    return nullptr;
  }

 private:
  static constexpr std::uint8_t guard_function = 1, guard_variable = 2;
  static constexpr std::uint64_t stub_step = 8;
  static constexpr std::uint64_t most_stubs = 16 << 20;  // bytes of them; beyond, each call looks for itself
  static constexpr std::uint32_t no_slot = 0xffffffff;
  struct Stubs {
    const CodeSection* section = nullptr;
    // what a stub at each eighth byte jumps through: most are called many times
    std::vector<std::uint32_t> slots;
  };
  bool is_listed(std::uint32_t function) const;
  void add_stubs(const CodeSection& section);
  const CodeSlot* behind(const CodeSection& section, std::uint64_t address) const;

  const CpuCode& code_;
  AddressIndex index_;
  std::vector<std::uint32_t> numbers_;          // of the slots, as index_ has them
  std::vector<std::uint8_t> guards_;            // by the slots' own numbers
  std::vector<std::uint32_t> guard_functions_;  // sorted; seldom more than a handful
  std::vector<Stubs> stubs_;
  std::uint64_t stub_bytes_ = 0;
};

}  // namespace lathe::cpu
