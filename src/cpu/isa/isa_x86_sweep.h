// SPDX-License-Identifier: MIT
// Sweeps over x86-64 code at memory speed and reports only what is of interest: instructions beyond the
// baseline, direct calls and jumps, references to addresses, CPUID. It does not know functions: cpu_scan.h
// gives their starts as restarts.
//
// The sweep is linear: each instruction begins where the last one ended, and anew at each restart. Where no
// instruction is, or one would run over a restart, it reports `bad` and tries the next byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "cpu/isa/isa_event.h"

namespace lathe {

// Reuses its buffer from call to call; one for each thread.
class X86Sweep {
 public:
  // `section` is loaded at `address`, below 4 GiB long. Sweeps [begin, end) of it and appends what it finds
  // to `events`, in order. `restarts` are offsets in ascending order; those outside (begin, end) are
  // ignored. Returns the number of instructions (not exact where there are bad ones).
  std::size_t sweep(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                    std::span<const std::size_t> restarts, std::vector<CodeEvent>& events);

 private:
  std::vector<std::uint8_t> states_;
};

}  // namespace lathe
