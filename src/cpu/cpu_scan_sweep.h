// SPDX-License-Identifier: MIT
// The parallel part of the CPU scan: sweeps over all functions and notes what each needs, whom it calls,
// whose address it takes, and whether it asks the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {

// Instructions of one function with the same needs.
struct Use {
  std::uint32_t function = 0;
  std::uint8_t needs = 0;  // for needs_of()
  bool doubtful = false;
  std::uint32_t count = 0;
  std::uint64_t first = 0;  // address
};

struct Edge {
  std::uint32_t from = 0, to = 0;
  bool call = true;  // else: takes the address
  auto operator<=>(const Edge&) const = default;
};

struct Facts {
  std::vector<Use> uses;    // by function
  std::vector<Edge> edges;  // sorted, each once; none from a function to itself
  // per function: holds CPUID or the like, or calls what dispatch.toml lists
  std::vector<std::uint8_t> asks;
  std::vector<std::uint8_t> pointed;  // per function: its address lies in a table, filled by the loader
  std::size_t instructions = 0;
};

Facts sweep(const CpuCode& code, const Functions& functions, unsigned threads);

// What Use::needs stands for.
const ExtensionSet& needs_of(Machine machine, std::uint8_t needs);

}  // namespace lathe::cpu
