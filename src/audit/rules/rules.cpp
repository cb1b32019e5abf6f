// SPDX-License-Identifier: MIT
// All rules, subject by subject; what they have in common. error: the build fails, is wrong, or lies about
// itself. warning: dead, impure, or drifting.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/import/nix_value.h"
#include "audit/import/understood.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/nixpkgs.h"
#include "nix/record.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

using Subject = std::span<const Rule> (*)();
constexpr Subject subjects[] = {evaluation_rules, name_rules,  gpu_rules,        cuda_rules,  cpu_rules,
                                pin_rules,        torch_rules, upgrade_rules,    carve_rules, companion_rules,
                                understood_rules, extra_rules, description_rules};

std::vector<Rule> rules_of_all() {
  std::vector<Rule> all;
  for (Subject subject : subjects) all.insert(all.end(), subject().begin(), subject().end());
  return all;
}

}  // namespace

std::span<const Rule> rules() {
  static const std::vector<Rule> all = rules_of_all();
  return all;
}

const Rule& find_rule(std::string_view name) {
  const auto found = std::ranges::find(rules(), name, &Rule::name);
  if (found != rules().end()) return *found;
  std::vector<std::string> names;
  for (const Rule& rule : rules()) names.emplace_back(rule.name);
  throw Error({.what = fmt::format("there is no rule \"{}\"", printable(name)),
               .where = {},
               .next = did_you_mean_text(name, names, "all of them: torchlathe audit --explain all")});
}

Findings check_recipe(const Case& recipe) {
  Findings findings;
  for (const Rule& rule : rules()) {
    Report report(rule, findings);
    rule.check(recipe, report);
  }
  return findings;
}

const RecordedPackage* Case::torch() const {
  const RecordedPackage* own = package();
  if (!own) return nullptr;
  if (own->builder == "torch") return own;
  return own->torch && own->torch->builder == "torch" ? own->torch.get() : nullptr;
}

const NixpkgsFacts* Case::nixpkgs() const {
  const RecordedNixpkgs* used = got.pin();
  return used && used->rev ? nixpkgs_facts(*used->rev) : nullptr;
}

// Other packages of nixpkgs can be given a torch too.
bool Case::is_companion() const {
  return got.package && got.package->torch != nullptr && got.package->builder != "nixpkgs";
}

Place Case::at(std::string_view key) const {
  const RecordedPackage* own = package();
  if (!own) return whole();
  Place place = own->where(key);
  return place.file.empty() ? whole() : place;
}

namespace {

// What a recipe sets an attribute to; "" for names and descriptions, and for what is in the fingerprint
// already.
std::string changed_text(const RecordedPackage& torch, const std::string& name) {
  static constexpr std::string_view elsewhere[] = {
      "pname", "name", "version", "src", "patches", "meta", "passthru", "env", "cmakeFlags", "ninjaFlags"};
  const Json* value = torch.attributes.find(name);
  const Json* before = torch.original.find(name);
  if (!value || std::ranges::find(elsewhere, name) != std::end(elsewhere) ||
      (before && json_text(*value) == json_text(*before)))
    return "";
  if (std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; })) return "";  // a variable
  if (name != "postPatch" && name != "preConfigure" && name != "preBuild")
    return fmt::format("|{}={}", name, json_text(*value));
  std::string text;
  for (const std::string& line : other_commands(torch.text_of(name))) {
    if (!is_known_shell_line(line)) text += fmt::format("|{}: {}", name, line);
  }
  return text;
}

}  // namespace

std::string fingerprint_of(const Recorded& recorded) {
  if (!recorded.package || recorded.package->builder != "torch") return "";
  const RecordedPackage& torch = *recorded.package;
  const auto joined = [](const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += word + ' ';
    return text;
  };
  std::string text = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|", recorded.system, torch.attribute, torch.version,
                                 torch.build_version, torch.cuda_support.value_or(false),
                                 joined(torch.gpu_targets), joined(torch.cxxflags), joined(torch.cflags));
  text += fmt::format("{}|{}|", recorded.pin() ? recorded.pin()->rev.value_or("") : "",
                      torch.cuda ? torch.cuda->version : "");
  if (torch.source) text += torch.source->rev + torch.source->hash.value_or("");
  for (const auto& [name, value] : torch.environment) {
    const bool variable = std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
    if (variable && name != "CPATH" && !name.starts_with("CCACHE_"))
      text += fmt::format("|{}={}", name, value);
  }
  for (const RecordedPatch& patch : torch.patches) text += "|" + patch.name;
  text += json_text(torch.override_arguments);
  for (const std::string& name : torch.written) text += changed_text(torch, name);
  return text;
}

}  // namespace lathe
