// SPDX-License-Identifier: MIT
// Where functions begin and end according to unwind information (.eh_frame), which even stripped files have.
// Reads the ranges alone: nothing of how to unwind. Format: Linux Standard Base, "Exception Frames"; DWARF
// 5, section 6.4.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "cpu/cpu_scan.h"

namespace lathe::cpu {

// `section` is loaded at `address`. What follows damage is left out, with a finding.
std::vector<CodeRange> read_frames(ByteSpan section, std::uint64_t address, const std::string& file,
                                   Findings& findings);

}  // namespace lathe::cpu
