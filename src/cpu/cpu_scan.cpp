// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cpu/cpu_scan_built.h"
#include "cpu/cpu_scan_functions.h"
#include "cpu/cpu_scan_levels.h"
#include "cpu/cpu_scan_load.h"
#include "cpu/cpu_scan_names.h"
#include "cpu/cpu_scan_reach.h"
#include "cpu/cpu_scan_sweep.h"

namespace lathe {
namespace {

using cpu::Facts;
using cpu::Function;
using cpu::Functions;
using cpu::Reach;
using cpu::Use;

// Instructions by what Use::needs says: spread over the extensions once, at the end.
using NeedsCounts = std::array<std::size_t, 256>;

void spread(const NeedsCounts& by_needs, Machine machine, ExtensionCounts& counts) {
  for (std::size_t needs = 0; needs < by_needs.size(); ++needs) {
    if (by_needs[needs] == 0) continue;
    const ExtensionSet& set = cpu::needs_of(machine, static_cast<std::uint8_t>(needs));
    for (std::size_t i = 0; i < extension_count; ++i) counts[i] += set[i] ? by_needs[needs] : 0;
  }
}

class Scan {
 public:
  Scan(const CpuCode& code, const CpuScanOptions& options)
      : code_(code),
        options_(options),
        functions_(code, options.threads),
        facts_(cpu::sweep(code, functions_, options.threads)),
        reach_(code, functions_, facts_, options.threads),
        load_(code, functions_),
        built_(cpu::built_for(code, functions_, facts_, reach_)) {}

  CpuScan run() {
    scan_.machine = code_.machine;
    for (const CodeSection& section : code_.sections) scan_.code_bytes += section.bytes.size();
    scan_.functions = static_cast<std::size_t>(
        std::ranges::count_if(functions_.all(), [](const Function& f) { return !f.gap && !f.whole; }));
    scan_.instructions = facts_.instructions;
    scan_.stripped = code_.stripped;
    scan_.picked_by_name = dispatch_names().is_picked_file(code_.file);
    scan_.built_for = built_.extensions;
    scan_.sampled_avx = built_.sampled_avx;
    scan_.sampled_sse = built_.sampled_sse;
    count();
    conclude(scan_);
    return std::move(scan_);
  }

 private:
  // Counts every use, and lists the functions by how they are reached.
  void count() {
    for (auto use = facts_.uses.begin(); use != facts_.uses.end();) {
      const std::uint32_t function = use->function;
      const bool demands = reach_.needs(function).any();
      const CpuReach reach = demands ? judge(function) : CpuReach::dispatched;
      CpuFunction row{
          .address = functions_[function].address, .reach = reach, .needs = reach_.needs(function)};
      for (; use != facts_.uses.end() && use->function == function; ++use) count_use(*use, row);
      if (!demands) continue;
      ++scan_.functions_by_reach[index_of(reach)];
      found_.push_back({row, function, level_of(row.needs & known_features(code_.machine))});
    }
    spread(by_needs_, code_.machine, scan_.extensions);
    for (std::size_t i = 0; i < cpu_reach_count; ++i) spread(by_reach_[i], code_.machine, scan_.by_reach[i]);
    keep();
  }

  // What calls lead to counts as far as it is shown to run, or to be what the file was compiled for.
  CpuReach judge(std::uint32_t function) {
    const CpuReach reach = reach_.of(function);
    if (reach == CpuReach::doubtful) return reach;
    const ExtensionSet& needs = reach_.needs(function);
    const ExtensionSet at_load = load_.of(function) & needs, open = needs & ~(at_load | built_.with_level);
    scan_.required |= at_load;
    if (reach != CpuReach::dispatched) scan_.required |= needs & built_.extensions;
    const bool called = reach != CpuReach::dispatched && reach != CpuReach::by_pointer;
    if (at_load.any() && (open.none() || !called)) return CpuReach::at_load;
    if (reach == CpuReach::by_pointer && open.none()) scan_.pointers_decide = true;
    if (!called || open.none()) return reach;
    scan_.undecided |= open;
    return CpuReach::unknown;
  }

  void count_use(const Use& use, CpuFunction& row) {
    by_needs_[use.needs] += use.count;
    if (row.needs.none()) return;  // nothing that decides: no class to count it in
    by_reach_[index_of(row.reach)][use.needs] += use.count;
    if ((cpu::needs_of(code_.machine, use.needs) & row.needs).none()) return;
    row.instructions += use.count;
    if (row.first == 0 || use.first < row.first) row.first = use.first;
  }

  // Where in the order of levels; higher is more.
  std::size_t level_of(const ExtensionSet& needs) const {
    const auto& levels = cpu_levels(code_.machine);
    const CpuLevel* level = least_cpu_level(code_.machine, needs);
    return level ? static_cast<std::size_t>(level - levels.data()) : levels.size();
  }

  struct Found {
    CpuFunction row;
    std::uint32_t number = 0;
    std::size_t level = 0;
  };

  // Of each reach those that need most.
  void keep() {
    std::ranges::sort(found_, {}, [](const Found& f) {
      return std::tuple(f.row.reach, ~f.level, ~f.row.needs.count(), ~f.row.instructions, f.row.address);
    });
    std::array<std::size_t, cpu_reach_count> kept{};
    for (Found& found : found_) {
      if (kept[index_of(found.row.reach)]++ >= options_.keep) continue;
      found.row.name = functions_.name_of(found.number);
      const bool copy = found.row.reach == CpuReach::unknown && functions_[found.number].weak;
      found.row.why = (copy ? "a weak copy; " : "") + reach_.why(found.number);
      scan_.kept.push_back(std::move(found.row));
    }
  }

  const CpuCode& code_;
  const CpuScanOptions& options_;
  Functions functions_;
  Facts facts_;
  Reach reach_;
  cpu::LoadRun load_;
  cpu::BuiltFor built_;
  std::vector<Found> found_;
  NeedsCounts by_needs_{};
  std::array<NeedsCounts, cpu_reach_count> by_reach_{};
  CpuScan scan_;
};

}  // namespace

CpuScan scan_cpu(const CpuCode& code, const CpuScanOptions& options) { return Scan(code, options).run(); }

}  // namespace lathe
