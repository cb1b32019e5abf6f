// SPDX-License-Identifier: MIT
// What surely runs whenever a file is loaded: the straight-line code of its constructors and IFUNC resolvers,
// of a Python module's PyInit function and of a program's entry, and of what those call there directly. Ends
// at the first branch that may skip what follows, so it misses much and claims nothing that a run on a lesser
// processor could refute.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {

class LoadRun {
 public:
  LoadRun(const CpuCode& code, const Functions& functions);

  // Extensions of those instructions of the function that run at every load.
  ExtensionSet of(std::uint32_t function) const;

 private:
  void start(std::uint64_t address);
  void walk(std::uint64_t address);

  const CpuCode& code_;
  const Functions& functions_;
  std::vector<std::uint64_t> queue_;
  std::unordered_set<std::uint64_t> started_;
  std::unordered_map<std::uint32_t, ExtensionSet> needs_;
  std::size_t instructions_ = 0;
};

}  // namespace lathe::cpu
