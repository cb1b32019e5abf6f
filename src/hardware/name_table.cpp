// SPDX-License-Identifier: MIT
#include "hardware/name_table.h"

#include <algorithm>

namespace lathe {

namespace {

bool nests_braces(std::string_view pattern) {
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const std::size_t close = pattern.find('}', open), next = pattern.find('{', open + 1);
    if (close == std::string_view::npos || next < close) return true;
  }
  return false;
}

}  // namespace

std::vector<ProductPattern> patterns_of(const Toml& names) {
  std::vector<ProductPattern> patterns;
  for (const std::string& name : names.texts()) {
    if (nests_braces(name)) names.fail(fmt::format("braces do not nest: \"{}\"", name));
    patterns.emplace_back(name);
  }
  return patterns;
}

bool any_whole(const std::vector<ProductPattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const ProductPattern& pattern) { return pattern.whole(name); });
}

std::vector<VagueName> vague_names(const Toml& root) {
  std::vector<VagueName> all;
  for (const Toml& row : root.at("vague").array()) {
    row.allow_only({"names", "why", "hint", "source", "confidence"});
    all.push_back({patterns_of(row.at("names")), row.at("why").text(), row.text_or("hint", "")});
  }
  return all;
}

const VagueName* find_vague(const std::vector<VagueName>& all, std::string_view name) {
  const auto it =
      std::ranges::find_if(all, [&](const VagueName& vague) { return any_whole(vague.patterns, name); });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace lathe
