// SPDX-License-Identifier: MIT
// What the sweeps over machine code report (isa_x86_sweep.h, isa_arm64.h): the few instructions that
// cpu_scan.h asks about.
#pragma once

#include <cstdint>

namespace lathe {

struct CodeEvent {
  enum class Kind : std::uint8_t {
    use,        // needs more than the baseline; see `needs`
    call,       // calls the address `target`
    jump,       // jumps to `target`, which may lie in another function
    slot_call,  // calls or jumps through the pointer at `target`
    slot_load,  // loads 8 bytes from `target`: often a function's address out of the GOT
    reference,  // takes the address `target`
    guard,      // asks what the processor is: CPUID, XGETBV, MRS of an ID register
    bad,        // no instruction
  };
  std::uint64_t target = 0;
  std::uint32_t at = 0;  // offset in the section: of the instruction, or of a byte in it
  Kind kind = Kind::bad;
  std::uint8_t needs = 0;  // for `use` and `guard`: x86_needs() or arm64_needs()
  bool operator==(const CodeEvent&) const = default;
};

}  // namespace lathe
