// SPDX-License-Identifier: MIT
// The loader's slots by address, and the stubs (procedure linkage table) that jump through them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "binary/address_index.h"
#include "binary/cpu_scan.h"
#include "binary/cpu_scan_functions.h"

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
    for (const CodeSection* section : stubs_) {
      if (address - section->address < section->bytes.size()) return behind(*section, address);
    }
    return nullptr;
  }

 private:
  static constexpr std::uint8_t guard_function = 1, guard_variable = 2;
  bool is_listed(std::uint32_t function) const;
  const CodeSlot* behind(const CodeSection& section, std::uint64_t address) const;

  const CpuCode& code_;
  AddressIndex index_;
  std::vector<std::uint32_t> numbers_;          // of the slots, as index_ has them
  std::vector<std::uint8_t> guards_;            // by the slots' own numbers
  std::vector<std::uint32_t> guard_functions_;  // sorted; seldom more than a handful
  std::vector<const CodeSection*> stubs_;       // sections of stubs
};

}  // namespace lathe::cpu
