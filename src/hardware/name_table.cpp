// SPDX-License-Identifier: MIT
#include "hardware/name_table.h"

#include <algorithm>

namespace lathe {

std::vector<ProductPattern> patterns_of(const Toml& names) {
  std::vector<ProductPattern> patterns;
  for (const std::string& name : names.texts()) patterns.emplace_back(name);
  return patterns;
}

bool any_whole(const std::vector<ProductPattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const ProductPattern& pattern) { return pattern.whole(name); });
}

std::vector<VagueName> vague_names(const Toml& root) {
  std::vector<VagueName> all;
  for (const Toml& row : root.at("vague").array()) {
    row.allow_only({"names", "why", "hint", "other", "source", "confidence"});
    all.push_back({patterns_of(row.at("names")), row.at("why").text(), row.text_or("hint", ""), row.flag_or("other", false)});
  }
  return all;
}

const VagueName* find_vague(const std::vector<VagueName>& all, std::string_view name) {
  const auto it = std::ranges::find_if(all, [&](const VagueName& vague) { return any_whole(vague.patterns, name); });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace lathe
