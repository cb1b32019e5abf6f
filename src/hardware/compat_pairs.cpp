// SPDX-License-Identifier: MIT
// Does a GPU meet an instruction set in any machine, and is there a point in building for the two? Follows
// from which GPUs sit in which hosts, which CPUs those hosts have, and what those CPUs run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

using Names = std::vector<std::string>;

using Hosts = std::vector<const HostClass*>;

bool has(const Names& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

void add_once(Names& names, const std::string& name) {
  if (!has(names, name)) names.push_back(name);
}

// How many GPUs of the catalogue sit in this kind of machine: the fewer, the more it says to name it.
std::ptrdiff_t gpus_in(const HostClass& host) {
  return std::ranges::count_if(catalog().gpus, [&](const Gpu& gpu) { return has(gpu.hosts, host.name); });
}

// The kinds of machines that GPUs of this capability sit in, the most telling first.
Hosts hosts_of(Capability capability) {
  Hosts hosts;
  for (const HostClass& host : catalog().hosts) {
    const bool sits_here = std::ranges::any_of(catalog().gpus, [&](const Gpu& gpu) {
      return gpu.capability == capability && has(gpu.hosts, host.name);
    });
    if (sits_here) hosts.push_back(&host);
  }
  std::ranges::stable_sort(hosts, {}, [](const HostClass* host) { return gpus_in(*host); });
  return hosts;
}

// "Zen 2, Zen 3 and 2 more"
std::string in_short(const Names& names, std::size_t most) {
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  const Names shown(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(most));
  return fmt::format("{} and {} more", fmt::join(shown, ", "), names.size() - most);
}

Names names_of(const Hosts& hosts) {
  Names names;
  for (const HostClass* host : hosts) names.push_back(host->name);
  return names;
}

// What any of them has as its best.
Names best_of(const Hosts& hosts) {
  Names names;
  for (const HostClass* host : hosts) {
    for (const std::string& isa : host->best_isas) add_once(names, isa);
  }
  return names;
}

// The processors of this kind of machine of which `isa` is one of the best, the newest of each maker first.
Names cpus_at_best(const HostClass& host, const Isa& isa) {
  Names names;
  for (const std::string& name : host.cpus) {
    const auto best = catalog().best_isas(*catalog().find_cpu(name));
    if (std::ranges::find(best, isa.name, &Isa::name) != best.end()) names.push_back(name);
  }
  std::ranges::reverse(names);
  return names;
}

std::string valid_reason(const Hosts& hosts, const Isa& isa) {
  constexpr std::size_t most = 2;
  Names shown;
  for (const HostClass* host : hosts) {
    if (shown.size() == most) break;
    shown.push_back(fmt::format("{} ({})", in_short(cpus_at_best(*host, isa), 2), host->name));
  }
  const std::size_t left = hosts.size() - shown.size();
  if (left > 0) shown.push_back(fmt::format("{} more kind{} of machine", left, left == 1 ? "" : "s"));
  return fmt::format("nothing beats {} on {}", isa.name, fmt::join(shown, "; "));
}

// All of `hosts` run `isa` and have better.
std::string redundant_reason(const Hosts& hosts, std::string_view capability, const Isa& isa) {
  return fmt::format("no such machine: none with {} stops at {}; it runs, but {} {} {}", capability, isa.name,
                     in_short(names_of(hosts), 2), hosts.size() == 1 ? "has" : "have",
                     fmt::join(best_of(hosts), ", "));
}

std::string other_machine_reason(const Hosts& hosts, std::string_view capability, const Isa& isa) {
  Names machines;
  for (const HostClass* host : hosts) add_once(machines, std::string(to_string(host->machine)));
  return fmt::format("no such machine: {} is in {} machines only ({}), {} is for {}", capability,
                     fmt::join(machines, " and "), in_short(names_of(hosts), 2), isa.name,
                     to_string(isa.machine));
}

std::string too_high_reason(const Hosts& hosts, std::string_view capability, const Isa& isa) {
  Names cpus;
  for (const HostClass* host : hosts) {
    for (const std::string& cpu : host->cpus) add_once(cpus, cpu);
  }
  const Names best = best_of(hosts);
  return fmt::format("no such machine: {} sits beside {}, which {}cannot run {}", capability,
                     in_short(cpus, 2),
                     best.empty() ? "" : fmt::format("stops at {} and ", fmt::join(best, ", ")), isa.name);
}

}  // namespace

std::string_view to_string(PairStatus status) {
  switch (status) {
    case PairStatus::valid: return "valid";
    case PairStatus::redundant: return "redundant";
    case PairStatus::impossible: break;
  }
  return "impossible";
}

PairVerdict judge_pair(Capability capability, const Isa& isa) {
  const CapabilityRow* row = catalog().find(capability);
  const std::string name = spell(capability.portable(), Dialect::dotted);
  const Hosts everywhere = hosts_of(row && row->now_called ? *row->now_called : capability.portable());
  if (everywhere.empty()) {
    return {PairStatus::impossible, fmt::format("no GPU in the catalogue has compute capability {}", name)};
  }
  Hosts same_machine, runs, best;
  for (const HostClass* host : everywhere) {
    if (host->machine != isa.machine) continue;
    same_machine.push_back(host);
    const bool runs_here = std::ranges::any_of(host->best_isas, [&](const std::string& offered) {
      return isa_runs_on(isa, *catalog().find_isa(offered));
    });
    if (runs_here) runs.push_back(host);
    if (has(host->best_isas, isa.name)) best.push_back(host);
  }
  if (!best.empty()) return {PairStatus::valid, valid_reason(best, isa)};
  if (!runs.empty()) return {PairStatus::redundant, redundant_reason(runs, name, isa)};
  return {PairStatus::impossible, same_machine.empty() ? other_machine_reason(everywhere, name, isa)
                                                       : too_high_reason(same_machine, name, isa)};
}

}  // namespace lathe
