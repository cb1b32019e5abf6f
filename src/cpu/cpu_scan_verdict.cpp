// SPDX-License-Identifier: MIT
// From the counts of a scan to its verdict, and scans summed up.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpu/cpu_scan.h"
#include "cpu/cpu_scan_levels.h"
#include "cpu/isa/isa.h"

namespace lathe {
namespace {

std::string reason_of(const CpuScan& scan) {
  std::string text;
  for (const CpuReach reach :
       {CpuReach::at_load, CpuReach::unguarded, CpuReach::leaked, CpuReach::by_pointer}) {
    const std::size_t count = scan.functions_by_reach[index_of(reach)];
    if (count == 0 || !counts_for_verdict(scan, reach)) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(reach));
  }
  if (scan.required.none()) {
    text = "nothing shows a need of more than the baseline";
  } else if (text.empty()) {
    text = "shown to need " + names_of(scan.required);
  } else {
    text = "decided by functions: " + text + "; they need " + names_of(scan.required);
  }
  const std::size_t unknown = scan.functions_by_reach[index_of(CpuReach::unknown)];
  if (scan.undecided.any()) {
    text += fmt::format(
        "; unknown: calls lead to {} function{} with {} in a file not compiled for that, and whether a "
        "branch on the way asks "
        "the processor cannot be told",
        unknown, unknown == 1 ? "" : "s", names_of(scan.undecided));
  }
  if (scan.stripped) text += "; the file has no symbol table, so local functions have no names";
  return text;
}

// What is beyond `shown` is undecided, and the functions that counted are of unknown reach.
void take_back(CpuScan& scan, const ExtensionSet& shown) {
  scan.undecided |= scan.required & ~shown;
  scan.required &= shown;
  scan.pointers_decide = false;
  const std::size_t unknown = index_of(CpuReach::unknown);
  for (const CpuReach reach : {CpuReach::at_load, CpuReach::unguarded, CpuReach::leaked}) {
    scan.functions_by_reach[unknown] += std::exchange(scan.functions_by_reach[index_of(reach)], 0);
    for (std::size_t i = 0; i < extension_count; ++i) {
      scan.by_reach[unknown][i] += std::exchange(scan.by_reach[index_of(reach)][i], 0);
    }
  }
  for (CpuFunction& function : scan.kept) {
    if (counts_for_verdict(scan, function.reach)) function.reach = CpuReach::unknown;
  }
  conclude(scan);
}

void add_counts(ExtensionCounts& sum, const ExtensionCounts& more) {
  for (std::size_t i = 0; i < extension_count; ++i) sum[i] += more[i];
}

}  // namespace

std::string_view to_string(CpuReach reach) {
  switch (reach) {
    case CpuReach::at_load: return "at load";
    case CpuReach::unguarded: return "unguarded";
    case CpuReach::leaked: return "leaked";
    case CpuReach::by_pointer: return "by pointer";
    case CpuReach::unknown: return "unknown";
    case CpuReach::dispatched: return "dispatched";
    case CpuReach::doubtful: return "doubtful";
  }
  return "";
}

std::vector<const CpuFunction*> CpuScan::of(CpuReach reach) const {
  std::vector<const CpuFunction*> those;
  for (const CpuFunction& function : kept) {
    if (function.reach == reach) those.push_back(&function);
  }
  return those;
}

bool counts_for_verdict(const CpuScan& scan, CpuReach reach) {
  if (reach == CpuReach::by_pointer) return scan.pointers_decide;
  return reach == CpuReach::at_load || reach == CpuReach::unguarded || reach == CpuReach::leaked;
}

std::string least_cpu_text(const CpuScan& scan) {
  std::string text = scan.least_isa.empty() ? "none known" : scan.least_isa;
  if (scan.besides.any()) text += " and " + names_of(scan.besides);
  if (scan.undecided.none()) return text;
  const ExtensionSet known = scan.undecided & known_features(scan.machine), others = scan.undecided & ~known;
  const CpuLevel* level =
      least_cpu_level(scan.machine, known | (scan.required & known_features(scan.machine)));
  text += "; unknown: ";
  if (known.any()) text += level ? level->name : names_of(known);
  if (others.any()) text += (known.any() ? " and " : "") + names_of(others);
  return text;
}

void conclude(CpuScan& scan) {
  const ExtensionSet& known = known_features(scan.machine);
  scan.besides = scan.required & ~known;
  const CpuLevel* level = least_cpu_level(scan.machine, scan.required & known);
  scan.least_isa = level ? level->name : "";
  scan.undecided &= ~scan.required;
  if (level) scan.undecided &= ~level->features;
  scan.reason = reason_of(scan);
}

void settle_objects(std::span<CpuScan* const> objects) {
  std::size_t with_vectors = 0;
  std::array<std::size_t, extension_count> needing{};
  for (const CpuScan* object : objects) {
    with_vectors += object->sampled_avx + object->sampled_sse > 0 || object->required.any() ? 1 : 0;
    for (std::size_t i = 0; i < extension_count; ++i) needing[i] += object->required[i] ? 1 : 0;
  }
  ExtensionSet shown;
  for (std::size_t i = 0; i < extension_count; ++i) shown[i] = needing[i] * 2 >= with_vectors;
  for (CpuScan* object : objects) {
    if ((object->required & ~shown).any()) take_back(*object, shown);
  }
}

void add_scan(CpuScan& sum, const CpuScan& more) {
  sum.code_bytes += more.code_bytes;
  sum.functions += more.functions;
  sum.instructions += more.instructions;
  sum.required |= more.required;
  sum.undecided |= more.undecided;
  sum.pointers_decide |= more.pointers_decide;
  sum.built_for |= more.built_for;
  sum.stripped |= more.stripped;
  sum.sampled_avx += more.sampled_avx;
  sum.sampled_sse += more.sampled_sse;
  add_counts(sum.extensions, more.extensions);
  for (std::size_t reach = 0; reach < cpu_reach_count; ++reach) {
    add_counts(sum.by_reach[reach], more.by_reach[reach]);
    sum.functions_by_reach[reach] += more.functions_by_reach[reach];
  }
  sum.kept.insert(sum.kept.end(), more.kept.begin(), more.kept.end());
  conclude(sum);
}

}  // namespace lathe
