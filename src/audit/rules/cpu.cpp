// SPDX-License-Identifier: MIT
// For which CPUs a recipe compiles, on which machines Nix may build it, and what PyTorch must leave out
// there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/flags.h"
#include "matrix/nixpkgs_base.h"
#include "nix/record.h"

namespace lathe {
namespace {

// The words that choose instructions, without warnings and paths.
std::vector<std::string> machine_flags(const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  std::ranges::copy_if(words, std::back_inserter(flags),
                       [](const std::string& word) { return word.starts_with("-m"); });
  return flags;
}

// A companion that no matrix wants has whatever flags its author chose.
bool judged(const Case& recipe) {
  return recipe.package() && recipe.promise && recipe.promise->isa && (recipe.want || !recipe.is_companion());
}

// nixpkgs' own torch is compiled for every CPU of its kind, and picks more at run time.
bool runs_on_every_cpu(const Case& recipe) {
  return recipe.got.of_nixpkgs && is_lowest(*recipe.promise->isa);
}

// What localSystem.gcc asks for reaches every compiler, before the recipe's own flags.
std::vector<std::string> with_machine(const Case& recipe, const std::vector<std::string>& words) {
  std::vector<std::string> all;
  if (const RecordedNixpkgs* pin = recipe.got.pin()) all = pin->machine_flags;
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

bool takes_what_is_there(const std::string& flag) {
  return flag == "-march=native" || flag == "-mcpu=native";
}

void report_excess(const Case& recipe, Report& report, const std::vector<std::string>& words,
                   std::string_view variable) {
  const std::vector<std::string> flags = machine_flags(with_machine(recipe, words));
  if (std::ranges::any_of(flags, takes_what_is_there)) {
    report.add(recipe.at("preConfigure"),
               fmt::format("{}: -march=native takes what the building CPU has, whatever {} promises",
                           variable, recipe.promise->isa->name));
  }
  const auto excess = excess_of(flags, *recipe.promise->isa);
  if (excess.empty()) return;
  std::vector<std::string> texts;
  for (const FlagExcess& each : excess) {
    std::string text = fmt::format("{} enables {}", flags[each.index], each.feature);
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
  }
  report.add(recipe.at("preConfigure"), fmt::format("{}: {}; {} does not promise that", variable,
                                                    fmt::join(texts, ", "), recipe.promise->isa->name));
}

// What the flags must enable: all of the instruction set, or what the matrix' own flags for it do.
std::vector<std::string> promised_features(const Case& recipe) {
  if (recipe.want && recipe.want->settings->cpu_flags) return features_of(*recipe.want->settings->cpu_flags);
  return recipe.promise->isa->features;
}

void report_missing(const Case& recipe, Report& report, const std::vector<std::string>& words,
                    std::string_view variable) {
  const std::vector<std::string> flags = machine_flags(with_machine(recipe, words));
  const std::vector<std::string> enabled = features_of(flags);
  const std::vector<std::string> promised = promised_features(recipe);
  std::vector<std::string> missing;
  std::ranges::copy_if(promised, std::back_inserter(missing), [&](const std::string& feature) {
    return std::ranges::find(enabled, feature) == enabled.end();
  });
  if (missing.empty()) return;
  if (missing.size() == promised.size()) missing = {"anything"};
  report.add(recipe.at("preConfigure"), fmt::format("{} does not enable {} of {}", variable,
                                                    fmt::join(missing, ", "), recipe.promise->isa->name));
}

void rule_isa_excess(const Case& recipe, Report& report) {
  if (!judged(recipe)) return;
  report_excess(recipe, report, recipe.package()->cxxflags, "CXXFLAGS");
  report_excess(recipe, report, recipe.package()->cflags, "CFLAGS");
}

void rule_isa_missing(const Case& recipe, Report& report) {
  if (!judged(recipe) || runs_on_every_cpu(recipe)) return;
  report_missing(recipe, report, recipe.package()->cxxflags, "CXXFLAGS");
  report_missing(recipe, report, recipe.package()->cflags, "CFLAGS");
}

void rule_isa_switches(const Case& recipe, Report& report) {
  if (!judged(recipe) || recipe.is_companion() || runs_on_every_cpu(recipe)) return;
  std::vector<std::string> on;
  std::ranges::copy_if(recipe.promise->isa->without, std::back_inserter(on),
                       [&](const std::string& name) { return recipe.package()->variable(name) != "0"; });
  if (!on.empty()) {
    report.add(recipe.at("preConfigure"),
               fmt::format("{}, but {} is on", recipe.promise->isa->pytorch_note, fmt::join(on, ", ")));
  }
}

void rule_flags_unknown(const Case& recipe, Report& report) {
  if (!judged(recipe)) return;
  auto unknown = unknown_flags(machine_flags(with_machine(recipe, recipe.package()->cxxflags)));
  for (const std::string& flag : unknown_flags(machine_flags(recipe.package()->cflags))) {
    if (std::ranges::find(unknown, flag) == unknown.end()) unknown.push_back(flag);
  }
  std::erase_if(unknown, takes_what_is_there);  // isa-excess
  if (!unknown.empty())
    report.add(recipe.at("preConfigure"),
               fmt::format("what {} enables is not in the tables", fmt::join(unknown, " ")));
}

void rule_switched_off(const Case& recipe, Report& report) {
  if (!judged(recipe) || !recipe.is_torch()) return;
  static constexpr std::array<std::string_view, 7> always = {
      "USE_MKLDNN", "USE_FBGEMM", "USE_NNPACK", "USE_DISTRIBUTED", "USE_MAGMA", "USE_CUDNN", "USE_NCCL"};
  const bool cudnn = std::ranges::all_of(recipe.promise->gpus, [](Capability gpu) {
    const CapabilityRow* row = catalog().find(gpu);
    return !row || row->cudnn;
  });
  std::vector<std::string> off;
  for (const std::string_view name : always) {
    if (recipe.package()->variable(std::string(name)) != "0") continue;
    const bool gpu_only = name == "USE_CUDNN" || name == "USE_NCCL" || name == "USE_MAGMA";
    if (gpu_only && (!recipe.promise->is_gpu() || !recipe.package()->cuda_support.value_or(false) ||
                     (name == "USE_CUDNN" && !cudnn)))
      continue;
    const auto& without = recipe.promise->isa->without;
    if (std::ranges::find(without, name) == without.end()) off.emplace_back(name);
  }
  if (!off.empty())
    report.add(recipe.at("preConfigure"), fmt::format("turns off {} without need", fmt::join(off, ", ")));
}

void rule_platform_wrong(const Case& recipe, Report& report) {
  if (!recipe.package() || !recipe.promise || !recipe.promise->isa || recipe.package()->platforms.empty())
    return;
  const std::string system = system_of(recipe.promise->isa->machine);
  const auto& platforms = recipe.package()->platforms;
  if (std::ranges::find(platforms, system) == platforms.end()) {
    report.add(recipe.at("meta.platforms"), fmt::format("is for {}, {} needs {}", fmt::join(platforms, ", "),
                                                        recipe.promise->isa->name, system));
  }
}

void rule_platforms_wide(const Case& recipe, Report& report) {
  if (!recipe.package() || !recipe.promise || !recipe.promise->isa) return;
  const std::string system = system_of(recipe.promise->isa->machine);
  const auto& platforms = recipe.package()->platforms;
  if (platforms.size() > 1 && std::ranges::find(platforms, system) != platforms.end()) {
    report.add(recipe.at("meta.platforms"),
               fmt::format("says it builds on {} platforms; its flags are for {}", platforms.size(), system));
  }
}

void rule_system(const Case& recipe, Report& report) {
  const RecordedNixpkgs* pin = recipe.got.pin();
  if (!pin || !pin->asked_system || !recipe.promise || !recipe.promise->isa) return;
  const std::string system = system_of(recipe.promise->isa->machine);
  if (pin->host != system)
    report.add(pin->where, fmt::format("asks for packages of {}, {} needs {}", pin->host,
                                       recipe.promise->isa->name, system));
}

}  // namespace

std::span<const Rule> cpu_rules() {
  static constexpr Rule table[] = {
      {"isa-excess", Severity::error,
       "The compiler may use instructions that the named instruction set does not have. On a CPU that has "
       "just "
       "the named one the program dies with an illegal instruction.",
       write_anew, rule_isa_excess},
      {"isa-missing", Severity::error,
       "The compiler may not use the instructions in the name, so the build is slower than its name "
       "says.",
       write_anew, rule_isa_missing},
      {"isa-switches", Severity::error,
       "Some libraries in PyTorch need more than this instruction set has. They must be switched off, or the "
       "build dies on the CPUs it is for.",
       write_anew, rule_isa_switches},
      {"flags-unknown", Severity::error,
       "This machine flag is not in the tables, so the CPUs that run the result are unknown.",
       "use the flags of: torchlathe catalog isas", rule_flags_unknown},
      {"switched-off", Severity::warning, "A part of PyTorch is switched off although GPU and CPU serve it.",
       "remove the switch", rule_switched_off},
      {"platform-wrong", Severity::error,
       "meta.platforms leaves out the only kind of machine that can build and run these flags, so Nix "
       "refuses "
       "to build it there.",
       write_anew, rule_platform_wrong},
      {"platforms-wide", Severity::warning,
       "meta.platforms names kinds of machine for which the flags make no sense.", "name the one platform",
       rule_platforms_wide},
      {"system", Severity::error,
       "The recipe asks nixpkgs for packages of another kind of machine than its instruction set belongs to.",
       write_anew, rule_system},
  };
  return table;
}

}  // namespace lathe
