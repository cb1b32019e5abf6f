// SPDX-License-Identifier: MIT
// Which of many variants is right for a machine: those that start, best first, each with the reason why it
// is not better; then the others, each with what it lacks; and where none starts, what would have to change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/host_info.h"
#include "select/judge.h"

namespace lathe {

struct SelectOptions {
  std::string prefer = {};  // what numbers the CPU code is for, where two sets are equal: Isa::suits
  std::optional<std::size_t> gpu = {};  // choose for this GPU alone
  // Globs; an empty list wants all.
  std::vector<std::string> names = {}, cuda = {}, python = {}, pytorch = {};
};

struct Choice {
  Candidate candidate;
  Judgement judgement;
  std::string why;  // of one that starts: what the best has over it; "" for the best
};

struct Selection {
  HostInfo host = {};                     // as it was chosen for: one GPU alone, if that was asked
  std::vector<Choice> starting = {};      // best first
  std::vector<Choice> excluded = {};      // in the order given
  std::vector<std::string> changes = {};  // where none starts: what would have to change, one sentence each

  const Choice* best() const { return starting.empty() ? nullptr : &starting.front(); }
};

// An Error for a GPU that is not there, or a preference that no instruction set has.
Selection select_variant(const HostInfo& host, const std::vector<Candidate>& candidates,
                         const SelectOptions& options = {});

// Why the best one is: "for exactly 12.0; avx512bf16 is the best that the CPU runs".
std::string reason_for(const Choice& choice, const HostInfo& host);

// What `prefer` can be: "bf16", "int8".
std::vector<std::string> preferences();

}  // namespace lathe
