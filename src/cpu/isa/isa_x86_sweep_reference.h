// SPDX-License-Identifier: MIT
// The sweep of isa_x86_sweep.h without its automaton and its tricks: one instruction after the other through
// the decoder. What the tests and the fuzz target hold the fast one to. Not part of the program.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "cpu/isa/isa_event.h"
#include "cpu/isa/isa_x86_sweep.h"

namespace lathe {

std::vector<CodeEvent> sweep_by_decoder(ByteSpan section, std::uint64_t address, std::size_t begin,
                                        std::size_t end, std::span<const std::size_t> restarts);

// Where the two differ, in words; "" where they do not.
std::string sweep_difference(ByteSpan section, std::uint64_t address, std::size_t begin, std::size_t end,
                             std::span<const std::size_t> restarts);

}  // namespace lathe
