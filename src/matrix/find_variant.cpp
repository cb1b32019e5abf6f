// SPDX-License-Identifier: MIT
// Some variants of a matrix: by name, those that others need, those that a row or a filter means.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "matrix/axis_table.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

// What is asked of a variant beside its axes.
std::string_view property_of(const Variant& variant, std::string_view key) {
  if (key == "status") return to_string(variant.cell->status);
  if (key == "package") return variant.package;
  if (key == "kind") return variant.is_gpu() ? "gpu" : "cpu";
  return variant.name;
}

bool means(const std::string& key, const std::vector<std::string>& globs, const Variant& variant) {
  const auto rows = axes();
  const auto row = std::ranges::find(rows, key, &Axis::word);
  return row == rows.end() ? any_glob(globs, property_of(variant, key)) : row->means(*row, globs, variant);
}

}  // namespace

std::vector<Variant> with_bases(const MatrixSpec& spec, std::vector<Variant> variants) {
  std::set<std::string, std::less<>> there, wanted;
  const auto look = [&](const Variant& variant) {
    there.insert(variant.name);
    for (const std::string* base : {&variant.torch, &variant.torch_carved_from, &variant.carved_from}) {
      if (!base->empty()) wanted.insert(*base);
    }
  };
  for (const Variant& variant : variants) look(variant);
  // once for each step of "is cut out of" and "belongs to"
  for (bool more = !std::ranges::includes(there, wanted); more;) {
    const std::size_t before = variants.size();
    expand(spec, [&](const Variant& variant) {
      if (wanted.contains(variant.name) && !there.contains(variant.name)) variants.push_back(variant);
      return true;
    });
    for (std::size_t i = before; i < variants.size(); ++i) look(Variant(variants[i]));
    more = variants.size() > before && !std::ranges::includes(there, wanted);
  }
  return variants;
}

Variant find_variant(const MatrixSpec& spec, std::string_view name) {
  std::optional<Variant> found;
  std::vector<std::string> names;
  expand(spec, [&](const Variant& variant) {
    const bool alias = std::ranges::find(variant.aliases, name) != variant.aliases.end();
    if (variant.name == name || variant.pname == name || alias) found = variant;
    if (names.size() < 10000) names.push_back(variant.name);
    return !found;
  });
  if (found) return *found;
  throw Error({.what = fmt::format("{} has no variant \"{}\"", spec.name, printable(name)),
               .where = {.file = spec.file},
               .next = did_you_mean_text(name, names, "list the names with: torchlathe list")});
}

bool matches(const Match& match, const Variant& variant) {
  return std::ranges::all_of(match.globs,
                             [&](const auto& entry) { return means(entry.first, entry.second, variant); });
}

}  // namespace lathe
