// SPDX-License-Identifier: MIT
#include "hardware/flags.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "base/toml.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> flags();
}

namespace lathe {
namespace {

struct FlagTable {
  std::map<std::string, std::vector<std::string>, std::less<>> enables;  // flag -> features
  // feature -> features that need it
  std::map<std::string, std::vector<std::string>, std::less<>> implied_by;
  std::vector<std::string> harmless;  // starts of flags that enable no instructions
  // No CPU has the one and lacks the other.
  std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> together;
};

FlagTable read_flags() {
  FlagTable table;
  const Toml root = Toml::parse(hardware_data::flags().front().text, "flags.toml");
  for (const Toml& row : root.at("flag").array()) {
    row.allow_only({"flag", "enables", "source", "confidence"});
    table.enables[row.at("flag").text()] = row.at("enables").texts();
  }
  for (const Toml& row : root.at("implies").array()) {
    row.allow_only({"feature", "needs", "source", "confidence"});
    for (const std::string& needed : row.at("needs").texts())
      table.implied_by[needed].push_back(row.at("feature").text());
  }
  for (const Toml& row : root.at("harmless").array()) {
    row.allow_only({"starts", "source", "confidence"});
    table.harmless.push_back(row.at("starts").text());
  }
  for (const Toml& row : root.at("together").array()) {
    row.allow_only({"has", "also", "source", "confidence"});
    table.together.emplace_back(row.at("has").texts(), row.at("also").texts());
  }
  return table;
}

const FlagTable& flag_table() {
  static const FlagTable table = read_flags();
  return table;
}

// Without a feature go all that are built on it: -mno-avx takes avx2 and fma away.
void remove(std::set<std::string>& features, const std::string& feature) {
  features.erase(feature);
  const auto dependants = flag_table().implied_by.find(feature);
  if (dependants == flag_table().implied_by.end()) return;
  for (const std::string& dependant : dependants->second) {
    if (features.contains(dependant)) remove(features, dependant);
  }
}

// The later flag wins, as in the compiler.
void apply(std::set<std::string>& features, const std::string& flag) {
  const FlagTable& table = flag_table();
  if (const auto row = table.enables.find(flag); row != table.enables.end()) {
    features.insert(row->second.begin(), row->second.end());
  } else if (flag.starts_with("-mno-")) {
    const auto positive = table.enables.find("-m" + flag.substr(5));
    if (positive != table.enables.end()) remove(features, positive->second.front());
  }
}

// All that a CPU offering `isa` has: a CPU with AVX-512 also has what AVX2 builds need.
std::set<std::string> features_offered(const Isa& isa) {
  std::set<std::string> features(isa.features.begin(), isa.features.end());
  for (const std::string& name : isa.includes) {
    const Isa* lesser = catalog().find_isa(name);
    if (lesser) features.insert(lesser->features.begin(), lesser->features.end());
  }
  for (const auto& [has, also] : flag_table().together) {
    if (std::ranges::all_of(has, [&](const std::string& feature) { return features.contains(feature); })) {
      features.insert(also.begin(), also.end());
    }
  }
  return features;
}

}  // namespace

std::vector<std::string> features_of(std::span<const std::string> flags) {
  std::set<std::string> features;
  for (const std::string& flag : flags) apply(features, flag);
  return {features.begin(), features.end()};
}

std::vector<std::string> unknown_flags(std::span<const std::string> flags) {
  std::vector<std::string> unknown;
  for (const std::string& flag : flags) {
    if (!flag.starts_with("-m") || flag_table().enables.contains(flag)) continue;
    if (flag.starts_with("-mno-") && flag_table().enables.contains("-m" + flag.substr(5))) continue;
    if (std::ranges::any_of(flag_table().harmless,
                            [&](const std::string& start) { return flag.starts_with(start); }))
      continue;
    unknown.push_back(flag);
  }
  return unknown;
}

std::vector<FlagExcess> excess_of(std::span<const std::string> flags, const Isa& isa) {
  std::vector<FlagExcess> excess;
  const std::set<std::string> offered = features_offered(isa);
  for (const std::string& feature : features_of(flags)) {
    if (offered.contains(feature)) continue;
    for (std::size_t i = 0; i < flags.size(); ++i) {
      const auto row = flag_table().enables.find(flags[i]);
      if (row == flag_table().enables.end()) continue;
      if (std::ranges::find(row->second, feature) == row->second.end()) continue;
      excess.push_back({i, feature});
      break;
    }
  }
  return excess;
}

}  // namespace lathe
