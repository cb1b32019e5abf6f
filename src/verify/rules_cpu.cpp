// SPDX-License-Identifier: MIT
// Machine code against the promised processor.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_levels.h"
#include "cpu/isa/isa.h"
#include "hardware/catalog.h"
#include "inspect/inspect.h"
#include "verify/rules.h"
#include "verify/verify.h"

namespace lathe {
namespace {

const CpuLevel* level_of(const Isa& isa) {
  const auto& levels = cpu_levels(isa.machine);
  const auto found = std::ranges::find(levels, isa.name, &CpuLevel::name);
  return found == levels.end() ? nullptr : &*found;
}

// What the compiler may use for this ISA and not for those below it.
ExtensionSet own_of(const Isa& isa) {
  ExtensionSet own;
  const auto mark = [&](const Isa& each, bool value) {
    for (const std::string& name : each.features) {
      if (const auto extension = find_extension(name, isa.machine))
        own.set(static_cast<std::size_t>(*extension), value);
    }
  };
  mark(isa, true);
  for (const std::string& lesser : isa.includes) {
    if (const Isa* included = catalog().find_isa(lesser)) mark(*included, false);
  }
  return own;
}

constexpr CpuReach deciding[] = {CpuReach::at_load, CpuReach::unguarded, CpuReach::leaked,
                                 CpuReach::by_pointer};
constexpr CpuReach open_reach[] = {CpuReach::unknown};

void add_functions(const FileInspection& file, const ExtensionSet& excess, std::span<const CpuReach> reaches,
                   std::vector<Evidence>& evidence) {
  for (const CpuReach reach : reaches) {
    if (reach == CpuReach::by_pointer && !file.cpu->pointers_decide) continue;
    for (const CpuFunction* function : file.cpu->of(reach)) {
      const ExtensionSet above = function->needs & excess;
      if (above.none()) continue;
      evidence.push_back(
          {.where = {.file = file.path},
           .symbol = function->name,
           .what = fmt::format("{} ({} instructions), {}{}{}", names_of(above), function->instructions,
                               to_string(reach), function->why.empty() ? "" : ": ", function->why)});
    }
  }
}

// What the files need of `which` beyond `level`, with the functions.
ExtensionSet excess_of(const BuildPromise& promise, const CpuLevel& level, const Inspection& inspection,
                       ExtensionSet CpuScan::*which, std::span<const CpuReach> reaches,
                       std::vector<Evidence>& evidence) {
  ExtensionSet all;
  for (const FileInspection& file : inspection.files) {
    if (!file.cpu || file.cpu->machine != promise.isa->machine || inspection.picks_by_processor(file))
      continue;
    const ExtensionSet excess = (*file.cpu).*which & ~level.features;
    if (excess.none()) continue;
    all |= excess;
    const std::size_t before = evidence.size();
    add_functions(file, excess, reaches, evidence);
    if (evidence.size() > before) continue;
    const std::string what = fmt::format("needs {}: {}", names_of(excess), file.cpu->reason);
    evidence.push_back({.where = {.file = file.path}, .what = what});
  }
  shorten(evidence);
  return all;
}

void above_promise(const BuildPromise& promise, const CpuLevel& level, const Inspection& inspection,
                   Findings& findings) {
  Finding finding{.rule = "isa-above", .severity = Severity::error, .what = {}};
  const ExtensionSet all =
      excess_of(promise, level, inspection, &CpuScan::required, deciding, finding.evidence);
  if (all.none()) return;
  finding.what =
      fmt::format("faults on a processor that has no more than the promised {}: ordinary calls use {}",
                  promise.isa->name, names_of(all));
  finding.cause =
      "compiled with flags above its name; or a library beside it was, and nothing asks the processor before "
      "it is used";
  finding.fix =
      "torchlathe audit shows which flags the recipe passes; name it for what it needs, or build it again";
  findings.add(std::move(finding));
}

void undecided(const BuildPromise& promise, const CpuLevel& level, const Inspection& inspection,
               Findings& findings) {
  Finding finding{.rule = "isa-unknown", .severity = Severity::warning, .what = {}};
  const ExtensionSet all =
      excess_of(promise, level, inspection, &CpuScan::undecided, open_reach, finding.evidence);
  if (all.none()) return;
  finding.what = fmt::format(
      "calls lead to functions with {}, above the promised {}, and whether they are picked at run time is "
      "unknown",
      names_of(all), promise.isa->name);
  finding.cause =
      "kernels for several processors, picked in a way that the scan does not see; or a copy of an inline "
      "function that was "
      "compiled for more";
  finding.fix = "run it on such a processor, or see in the source what picks these functions";
  findings.add(std::move(finding));
}

// Instructions of the promised ISA's own outside of what is dispatched.
std::size_t uses_of(const Inspection& inspection, const Isa& isa, const ExtensionSet& own) {
  std::size_t count = 0;
  for (const FileInspection& file : inspection.files) {
    if (!file.cpu || file.cpu->machine != isa.machine) continue;
    for (const CpuReach reach : {CpuReach::at_load, CpuReach::unguarded, CpuReach::leaked,
                                 CpuReach::by_pointer, CpuReach::unknown}) {
      const ExtensionCounts& counts = file.cpu->by_reach[static_cast<std::size_t>(reach)];
      for (std::size_t i = 0; i < extension_count; ++i) count += own[i] ? counts[i] : 0;
    }
  }
  return count;
}

void unused(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  const ExtensionSet own = own_of(*promise.isa);
  if (promise.for_every_cpu || own.none() || uses_of(inspection, *promise.isa, own) > 0) return;
  Finding finding{
      .rule = "isa-unused",
      .severity = Severity::warning,
      .what = fmt::format("named for {}, but uses {} nowhere outside functions that are picked at run time",
                          promise.isa->name, names_of(own))};
  if (const auto cpu = inspection.cpu())
    finding.evidence.push_back(
        {.what = fmt::format("needs {}: {}", cpu->least_isa.empty() ? "an unknown processor" : cpu->least_isa,
                             cpu->reason)});
  finding.cause =
      "the flags had no effect: cmakeFlags never reach PyTorch's build, CXXFLAGS and CFLAGS exported in "
      "preConfigure do";
  finding.fix = "torchlathe audit on its recipe";
  findings.add(std::move(finding));
}

}  // namespace

void check_isa(const BuildPromise& promise, const Inspection& inspection, Findings& findings) {
  const CpuLevel* level = level_of(*promise.isa);
  if (!level) return;
  above_promise(promise, *level, inspection, findings);
  undecided(promise, *level, inspection, findings);
  unused(promise, inspection, findings);
}

}  // namespace lathe
