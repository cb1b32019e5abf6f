// SPDX-License-Identifier: MIT
// AArch64: which extensions an instruction word needs beyond Armv8.0-A, by masks in
// data/arm64_instructions.txt, and a sweep over code that reports the same as isa_x86_sweep.h. Does not tell
// undefined words from the baseline's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "cpu/isa/isa.h"
#include "cpu/isa/isa_event.h"

namespace lathe {

// What the word needs, for arm64_needs(); 0: Armv8.0-A.
std::uint8_t classify_arm64(std::uint32_t word);
const ExtensionSet& arm64_needs(std::uint8_t needs);

// Sweeps [begin, end) of `section`, which is loaded at `address` and below 4 GiB long, and appends what it
// finds to `events`. Addresses that ADRP takes are reported when the next few instructions complete them.
// Returns the number of instructions.
std::size_t sweep_arm64(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                        std::vector<CodeEvent>& events);

}  // namespace lathe
