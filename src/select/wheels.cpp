// SPDX-License-Identifier: MIT
#include "select/wheels.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "hardware/capability.h"
#include "hardware/compat.h"
#include "select/judge.h"
#include "select/rank.h"

namespace lathe {
namespace {

Candidate candidate_of(const WheelIndex& wheel) {
  Candidate candidate = {
      .name = wheel.name, .machine = wheel.machine, .cuda = wheel.cuda, .glibc = wheel.glibc};
  for (const Capability gpu : wheel.gpus) candidate.code.push_back({gpu, CodeKind::cubin});
  return candidate;
}

}  // namespace

const WheelIndex* best_wheel(const HostInfo& host) {
  const WheelIndex* best = nullptr;
  Candidate best_candidate;
  Judgement best_on;
  for (const WheelIndex& wheel : catalog().wheels) {
    Candidate candidate = candidate_of(wheel);
    Judgement on = judge(candidate, host);
    if (!on.starts() || (best && !better(candidate, on, best_candidate, best_on, ""))) continue;
    best = &wheel;
    best_candidate = std::move(candidate);
    best_on = std::move(on);
  }
  return best;
}

std::string install_command(const WheelIndex& wheel, std::string_view pip) {
  return fmt::format("{} install torch --index-url {}", pip, wheel.index);
}

}  // namespace lathe
