// SPDX-License-Identifier: MIT
// Which functions ask what the processor is before they call on: those with CPUID in them, their callers,
// and those that read a variable which such a function writes. Asked for few functions, so their code is
// read again only then.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/cpu_scan_sweep.h"

namespace lathe::cpu {

// Edges by function, both ways.
class Graph {
 public:
  Graph(std::span<const Edge> edges, std::uint32_t functions);  // `edges` sorted; must outlive this
  std::span<const Edge> from(std::uint32_t function) const;
  std::span<const Edge> to(std::uint32_t function) const;

 private:
  std::span<const Edge> edges_;
  std::vector<Edge> reversed_;  // sorted by `to`
  std::vector<std::uint32_t> from_, to_;
};

class Guards {
 public:
  Guards(const CpuCode& code, const Functions& functions, const Facts& facts, const Graph& graph,
         unsigned threads);

  // Does the function ask, by itself or through something small that it calls?
  bool asks(std::uint32_t function);

 private:
  enum class Known : std::uint8_t { no, yes, open };
  bool near_asker(std::uint32_t function) const;
  bool reads_variable(std::uint32_t function) const;
  bool is_small_asker(std::uint32_t function);
  std::vector<std::uint32_t> find_near();
  void add_variables_of(std::vector<std::uint32_t> functions, unsigned threads);
  // Addresses in writable memory that the function's instructions name, the global offset table left out.
  std::vector<std::uint64_t> variables_of(std::uint32_t function) const;

  const CpuCode& code_;
  const Functions& functions_;
  const Facts& facts_;
  const Graph& graph_;
  std::vector<std::uint8_t> near_;        // asks itself, or calls what does
  std::vector<std::uint64_t> table_;      // addresses of the global offset table's slots, sorted
  std::vector<std::uint64_t> variables_;  // that tell what the processor is: addresses / 8, sorted
  std::vector<Known> small_askers_, askers_;
};

// Does the function hold legacy SSE instructions (x86)?
bool uses_legacy_sse(const CpuCode& code, const Function& function);

}  // namespace lathe::cpu
