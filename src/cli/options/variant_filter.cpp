// SPDX-License-Identifier: MIT
#include "cli/options/variant_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "matrix/axis_table.h"
#include "matrix/expand.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

// What is asked beside names and axes, with all of its words.
struct FixedWords {
  std::string_view option, placeholder, help;
  std::vector<std::string> VariantFilter::*given;
  std::vector<std::string> words;
};

const std::vector<FixedWords>& fixed_words() {
  static const std::vector<FixedWords> table = {
      {"status",
       "STATUS",
       "only variants of this status",
       &VariantFilter::statuses,
       {"valid", "redundant", "impossible"}},
      {"kind", "KIND", "only GPU builds, or only CPU builds", &VariantFilter::kinds, {"gpu", "cpu"}},
      {"package",
       "PACKAGE",
       "only this package",
       &VariantFilter::packages,
       {"pytorch", "torchvision", "torchaudio"}},
  };
  return table;
}

// A word that was given, and by what: "--isa", "" for a name.
struct GivenWord {
  std::string option, word;
  Match alone;
  std::function<std::string(const Variant&)> value = {};  // what a variant has where the word asks
};

std::vector<GivenWord> words_to_check(const VariantFilter& filter) {
  std::vector<GivenWord> words;
  for (const std::string& name : filter.names)
    words.push_back(
        {"", name, {.globs = {{"name", {name}}}}, [](const Variant& variant) { return variant.name; }});
  for (std::size_t i = 0; i < axes().size(); ++i) {
    const Axis* row = &axes()[i];
    for (const std::string& word : filter.of_axes[i])
      words.push_back({fmt::format("--{}", row->option),
                       word,
                       {.globs = {{std::string(row->word), {row->asked ? row->asked(word) : word}}}},
                       [row](const Variant& variant) { return row->shown(*row, variant).value_or(""); }});
  }
  return words;
}

std::string values_text(const std::vector<std::string>& values) {
  constexpr std::size_t most = 12;
  const std::span shown(values.data(), std::min(most, values.size()));
  return fmt::format("{}{}", fmt::join(shown, ", "), values.size() > most ? ", ..." : "");
}

// The nearest number to a number is not likelier to be meant than the others.
std::optional<std::string> guess(const std::string& word, const std::vector<std::string>& values) {
  return std::ranges::any_of(word, [](unsigned char c) { return std::isalpha(c) != 0; })
             ? did_you_mean(word, values)
             : std::nullopt;
}

std::string next_step(const GivenWord& given, const std::vector<std::string>& values) {
  if (given.option.empty()) {
    const bool file = std::filesystem::is_regular_file(given.word);
    return did_you_mean_text(
        given.word, values,
        file ? fmt::format("to read that file: -m {}", given.word) : "list the names with: torchlathe list");
  }
  if (values.empty()) return "no variant of this matrix has one: leave out the option";
  const auto near = guess(given.word, values);
  return fmt::format("{}this matrix has {}", near ? fmt::format("did you mean \"{}\"? ", *near) : "",
                     values_text(values));
}

// Names are each there once; an axis has few values.
void note(std::vector<std::string>& values, std::string value, bool is_name) {
  const bool known = !is_name && std::ranges::find(values, value) != values.end();
  if (!value.empty() && !known) values.push_back(std::move(value));
}

// One pass over the matrix, until each word has met a variant.
void check_words(std::vector<GivenWord> open, const MatrixSpec& spec) {
  constexpr std::size_t most_names = 10000;
  std::vector<std::vector<std::string>> values(open.size());  // in the matrix' order
  std::vector<bool> met(open.size());
  expand(spec, [&](const Variant& variant) {
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (met[i]) continue;
      met[i] = matches(open[i].alone, variant);
      if (values[i].size() < most_names) note(values[i], open[i].value(variant), open[i].option.empty());
    }
    return std::ranges::find(met, false) != met.end();
  });
  const auto missed = std::ranges::find(met, false);
  if (missed == met.end()) return;
  const auto number = static_cast<std::size_t>(missed - met.begin());
  const GivenWord& given = open[number];
  throw Error({.what = given.option.empty()
                           ? fmt::format("no variant is named \"{}\"", printable(given.word))
                           : fmt::format("{} {}: no variant matches", given.option, printable(given.word)),
               .where = {.file = spec.file},
               .next = next_step(given, values[number])});
}

void check_fixed(const FixedWords& row, const std::vector<std::string>& given) {
  for (const std::string& glob : given) {
    if (std::ranges::any_of(row.words, [&](const std::string& word) { return glob_match(glob, word); }))
      continue;
    throw Error({.what = fmt::format("--{} \"{}\" is not one of {}", row.option, printable(glob),
                                     fmt::join(row.words, ", ")),
                 .where = {},
                 .next = did_you_mean_text(glob, row.words)});
  }
}

void declare_filters(OptionSet& set, VariantFilter& filter) {
  set.group(filter_group);
  for (std::size_t i = 0; i < axes().size(); ++i) {
    const Axis& row = axes()[i];
    set.texts(fmt::format("--{}", row.option), filter.of_axes[i], std::string(row.placeholder),
              std::string(row.help));
    if (row.known) set.values(row.known());
  }
  for (const FixedWords& row : fixed_words()) {
    set.texts(fmt::format("--{}", row.option), filter.*row.given, std::string(row.placeholder),
              std::string(row.help));
    set.values(row.words);
  }
  set.group("");
}

}  // namespace

void declare_variants(OptionSet& set, MatrixOption& matrix, VariantFilter& filter) {
  set.positionals("name", filter.names, "names, or globs over names", ValueKind::variant, false);
  matrix.declare(set);
  declare_filters(set, filter);
}

VariantFilter::VariantFilter() : of_axes(axes().size()) {}

Match VariantFilter::match(const MatrixSpec& spec) const {
  Match match;
  for (const FixedWords& row : fixed_words()) {
    check_fixed(row, this->*row.given);
    if (!(this->*row.given).empty()) match.globs[std::string(row.option)] = this->*row.given;
  }
  std::vector<GivenWord> words = words_to_check(*this);
  for (const GivenWord& given : words) {
    for (const auto& [key, globs] : given.alone.globs)
      match.globs[key].insert(match.globs[key].end(), globs.begin(), globs.end());
  }
  check_words(std::move(words), spec);
  return match;
}

std::vector<Variant> VariantFilter::variants(const MatrixSpec& spec) const {
  std::vector<Variant> found;
  const Match wanted = match(spec);
  expand(spec, [&](const Variant& variant) {
    if (matches(wanted, variant)) found.push_back(variant);
    return true;
  });
  if (found.empty()) fail_no_variant(spec);
  return found;
}

void fail_no_variant(const MatrixSpec& spec) {
  throw Error({.what = "no variant matches these filters",
               .where = {.file = spec.file},
               .next = "list the variants with: torchlathe list"});
}

std::vector<Variant> variants_to_build(const VariantFilter& filter, bool with_companions,
                                       const MatrixSpec& spec,
                                       const std::optional<std::vector<std::string>>& names) {
  if (with_companions && spec.companions.empty()) {
    throw Error({.what = "this matrix has no companions",
                 .where = {.file = spec.file},
                 .next = "add companions = [\"torchvision\", \"torchaudio\"] under [matrix]"});
  }
  const std::set<std::string> unfinished =
      names ? std::set(names->begin(), names->end()) : std::set<std::string>();
  const Match match = filter.match(spec);
  std::vector<Variant> variants;
  std::string torch;  // the PyTorch that was taken last: its companions follow it
  expand(spec, [&](const Variant& variant) {
    const bool open = !names || unfinished.contains(variant.name);
    const bool follows = with_companions && variant.companion && variant.torch == torch;
    if (!open || !(follows || matches(match, variant))) return true;
    if (!variant.companion) torch = variant.name;
    variants.push_back(variant);
    return true;
  });
  return variants;
}

}  // namespace lathe
