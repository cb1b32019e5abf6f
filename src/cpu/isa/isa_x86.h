// SPDX-License-Identifier: MIT
// The x86-64 decoder: for the bytes at an instruction's start, how long it is and which extensions it needs.
// Nothing else: no operands, no text. Driven by data/x86_instructions.txt, which was asked out of Zydis, and
// data/x86_newer.txt, which holds what Zydis 4.0 does not know yet. docs/formats/isa-scan.md has the details
// and the limits. 64-bit mode only. Sweeping over whole sections is isa_x86_sweep.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "cpu/isa/isa.h"

namespace lathe {

// Four bytes: three would be put together in memory, which took a tenth of a sweep's time.
struct alignas(4) X86Instruction {
  std::uint8_t length = 0;  // 1 to 15; 0: no instruction, or cut off by the end of the bytes
  std::uint8_t needs = 0;   // for x86_needs(); 0: the x86-64 baseline
  std::uint8_t modrm = 0;   // offset of the ModRM byte; 0: it has none
  explicit operator bool() const { return length != 0; }
};

X86Instruction decode_x86(ByteSpan bytes);

// The same for a place with at least `x86_slack` readable bytes after it, checked by the caller.
inline constexpr std::size_t x86_slack = 32;
X86Instruction decode_x86_unchecked(const std::uint8_t* bytes);

// What an X86Instruction::needs stands for.
const ExtensionSet& x86_needs(std::uint8_t needs);

}  // namespace lathe
