// SPDX-License-Identifier: MIT
#include "matrix/variant_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "hardware/catalog.h"
#include "hardware/flags.h"
#include "matrix/axis_table.h"
#include "matrix/expand.h"
#include "matrix/extra.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

std::vector<std::string> checked_flags(const Override& row, const Isa& isa) {
  const std::vector<std::string>& flags = *row.settings.cpu_flags;
  for (const FlagExcess& excess : excess_of(flags, isa)) {
    throw Error({.what = fmt::format("{} enables {}, which {} does not have", flags[excess.index],
                                     excess.feature, isa.name),
                 .where = row.where,
                 .next = "name the instruction set in the row's match, as in match = { gpu = \"9.0\", isa "
                         "= \"avx512\" }"});
  }
  return flags;
}

// What an axis means for recipes is written as [extra] is; a matrix says it in one of the two.
void add_of_axis(const Axis& row, const Extra& extra, const MatrixSpec& spec, Settings& settings) {
  for (const auto& [name, value] : extra.override_arguments) {
    if (!settings.extra.override_arguments.contains(name)) continue;
    throw Error({.what = fmt::format("{} is an argument of override under [extra], and {} is an axis here",
                                     name, row.key),
                 .where = {.file = spec.file},
                 .next = "say it in one of the two"});
  }
  settings.extra.add(extra);
}

}  // namespace

VariantSettings::VariantSettings(const MatrixSpec& spec) : spec_(spec), used_(spec.overrides.size(), false) {}

std::shared_ptr<const Settings> VariantSettings::of(const Variant& variant) {
  if (variant.of_nixpkgs) return of_nixpkgs(variant);
  if (spec_.overrides.empty() && variant.settings && variant.cell->words.empty()) return variant.settings;
  std::uint64_t key = 0;
  const auto mix = [&](std::uint64_t value) { key = key * 1099511628211u + value; };
  for (std::size_t i = 0; i < spec_.overrides.size(); ++i) {
    if (!matches(spec_.overrides[i].match, variant)) continue;
    used_[i] = true;
    mix(i + 1);
  }
  // What an axis asks for differs between recipes with and without CUDA.
  if (!variant.cell->words.empty()) mix(variant.is_gpu() ? 1 : 2);
  for (const auto& [axis, word] : variant.cell->words) mix(std::hash<std::string>{}(axis + "=" + word));
  auto& made = made_[key];
  if (!made) made = make(variant);
  return made;
}

void VariantSettings::check_used() const {
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) dead_row(spec_.overrides[i].where);
  }
}

// [flags] are for what is built here: CPU variants.
std::shared_ptr<const Settings> VariantSettings::of_nixpkgs(const Variant& variant) const {
  for (std::size_t i = 0; i < spec_.overrides.size(); ++i) {
    const Override& row = spec_.overrides[i];
    if (row.sets == std::vector<std::string>{"cpu_flags"} || !matches(row.match, variant)) continue;
    throw Error(
        {.what = fmt::format("{} of {}, which is cut out of nixpkgs' own torch: that is taken as it is",
                             fmt::join(row.sets, ", "), variant.name),
         .where = row.where,
         .next = "leave it out of the row's match, or take base = \"matrix\""});
  }
  return as_nixpkgs_;
}

// Later rows win.
std::shared_ptr<const Settings> VariantSettings::make(const Variant& variant) const {
  auto settings = std::make_shared<Settings>(spec_.settings);
  for (const Override& row : spec_.overrides) {
    if (!matches(row.match, variant)) continue;
    for (const std::string& key : row.sets) {
      if (key == "narrow") settings->narrow = row.settings.narrow;
      if (key == "ptx") settings->ptx = row.settings.ptx;
      if (key == "jobs") settings->jobs = row.settings.jobs;
      if (key == "memory_per_job") settings->memory_per_job_gib = row.settings.memory_per_job_gib;
      if (key == "compile_cache") settings->compile_cache = row.settings.compile_cache;
      if (key == "cpu_flags") settings->cpu_flags = checked_flags(row, *variant.cell->isa);
      if (key == "extra") settings->extra.add(row.settings.extra);
    }
  }
  for_each_word(*variant.cell, [&](const Axis& row, const std::string& word) {
    if (row.extra) add_of_axis(row, row.extra(word, *variant.cell), spec_, *settings);
  });
  return settings;
}

void dead_row(const Place& where) {
  throw Error({.what = "this row matches no variant",
               .where = where,
               .next = "list the names with: torchlathe list"});
}

}  // namespace lathe
