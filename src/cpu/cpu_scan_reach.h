// SPDX-License-Identifier: MIT
// How the functions that need more than the baseline are reached: a walk over calls, from what the loader
// calls and from what others can call, that stops where somebody asks the processor or where a name says
// that somebody did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/cpu_scan_guards.h"
#include "cpu/cpu_scan_names.h"
#include "cpu/cpu_scan_sweep.h"
#include "cpu/isa/isa.h"

namespace lathe::cpu {

// Who asks the processor is believed to heed the answer in calls up to this deep, when what lies between
// needs nothing.
inline constexpr int deepest_trust = 4;

// Calls further away from a constructor than this count as ordinary.
inline constexpr int deepest_load = 8;

class Reach {
 public:
  Reach(const CpuCode& code, const Functions& functions, const Facts& facts, unsigned threads);

  const ExtensionSet& needs(std::uint32_t function) const { return needs_[function]; }

  CpuReach of(std::uint32_t function) const;
  std::string why(std::uint32_t function) const;
  const DispatchRule* rule(std::uint32_t function) const { return rules_[function]; }
  // nothing but doubtful instructions
  bool doubtful(std::uint32_t function) const { return only_doubtful_[function] != 0; }

 private:
  enum class Seen : std::uint8_t { no, load, ordinary, pointer };
  struct Visit {
    Seen seen = Seen::no;
    std::uint32_t parent = none;  // none: a root
    std::int32_t depth = 0;
    bool by_pointer = false;  // the parent takes the address, or a table holds it
  };

  void find_needs();
  void find_relevant();
  void find_rules(unsigned threads);
  void find_rule(std::uint32_t function);
  void find_families();
  void walk_load();
  void walk_ordinary();
  void walk_pointers();
  bool may_enter(const Edge& edge, bool at_load);
  bool has_callers(std::uint32_t function) const;
  bool is_root_for_others(std::uint32_t function) const;
  void enter(std::uint32_t function, Visit visit, std::vector<std::uint32_t>& queue);
  void spread(std::vector<std::uint32_t> queue, bool through_pointers);
  void follow(std::uint32_t from, bool through_pointers, std::vector<std::uint32_t>& queue);
  void follow_trusted(bool through_pointers, std::vector<std::uint32_t>& queue);
  std::string chain(std::uint32_t function) const;

  const CpuCode& code_;
  const Functions& functions_;
  const Facts& facts_;
  Graph graph_;
  Guards guards_;
  std::vector<ExtensionSet> needs_;
  // Functions with instructions that need more than the baseline and that decide, by number.
  std::vector<std::uint32_t> demanding_;
  std::vector<std::uint8_t> only_doubtful_;
  std::vector<std::uint8_t> relevant_;      // can lead to a demanding function
  std::vector<const DispatchRule*> rules_;  // for relevant ones; nullptr: none, or not to be believed
  std::vector<std::uint8_t> disbelieved_;   // belongs to a rule, but needs more than its name says
  std::vector<Visit> visits_;
  // Reached only from somebody who asks, through functions that need nothing: how far away, and who to go on
  // from.
  std::vector<std::uint8_t> trusted_depth_;
  std::vector<Edge> trusted_;
};

}  // namespace lathe::cpu
