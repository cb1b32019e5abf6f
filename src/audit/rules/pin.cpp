// SPDX-License-Identifier: MIT
// Where everything comes from: the pinned nixpkgs, hashes of what is fetched, names that a pin does not
// have, and what a recipe asks of the machine that it is evaluated on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "nix/record.h"

namespace lathe {
namespace {

std::string short_rev(const std::string& rev) { return rev.substr(0, 12); }

// A placeholder where a hash should be; "" when it may be one.
std::string why_no_hash(const std::string& hash) {
  if (hash.empty()) return "an empty hash";
  std::string_view digits = hash;
  if (const std::size_t dash = digits.find_first_of("-:"); dash != std::string_view::npos)
    digits.remove_prefix(dash + 1);
  while (!digits.empty() && digits.back() == '=') digits.remove_suffix(1);
  if (digits.size() >= 20 && digits.find_first_not_of('A') == std::string_view::npos)
    return "the fake hash of lib.fakeHash";
  if (digits.size() >= 20 && digits.find_first_not_of('0') == std::string_view::npos)
    return "a hash of zeros";
  if (digits.size() < 32) return fmt::format("\"{}\", which is not a hash", hash);
  return "";
}

std::string name_of(const RecordedFetch& fetch) {
  if (!fetch.repo.empty()) return fmt::format("{}/{}", fetch.owner, fetch.repo);
  return fetch.name.empty() ? fetch.url : fetch.name;
}

void rule_pin(const Case& recipe, Report& report) {
  if (!recipe.want) return;
  for (const RecordedNixpkgs& used : recipe.got.nixpkgs) {
    if (!used.rev || *used.rev == recipe.want->nixpkgs->rev) continue;
    report.add(used.where, fmt::format("uses nixpkgs {}, the matrix pins {}", short_rev(*used.rev),
                                       short_rev(recipe.want->nixpkgs->rev)));
  }
}

void rule_pin_missing(const Case& recipe, Report& report) {
  if (!recipe.package() || !recipe.promise) return;
  if (recipe.got.nixpkgs.empty()) {
    report.add(recipe.whole(), "takes its packages from its caller: what is built depends on who builds it");
    return;
  }
  for (const RecordedNixpkgs& used : recipe.got.nixpkgs) {
    if (!used.rev) report.add(used.where, fmt::format("{} is not pinned to a revision", used.url));
  }
}

void rule_pin_mixed(const Case& recipe, Report& report) {
  const RecordedNixpkgs* pin = recipe.got.pin();
  if (!recipe.folder || recipe.want || !pin || !pin->rev || !recipe.promise) return;
  const auto group =
      recipe.folder->pins_of_cuda.find(recipe.promise->cuda ? recipe.promise->cuda->text() : "cpu");
  if (group == recipe.folder->pins_of_cuda.end()) return;
  const auto most = std::ranges::max_element(group->second, {}, [](const auto& row) { return row.second; });
  if (most->first != *pin->rev && most->second > group->second.at(*pin->rev)) {
    report.add(pin->where, fmt::format("uses nixpkgs {}; {} other recipes for this CUDA use {}",
                                       short_rev(*pin->rev), most->second, short_rev(most->first)));
  }
}

void rule_pin_hash(const Case& recipe, Report& report) {
  const RecordedNixpkgs* last = nullptr;
  for (const RecordedNixpkgs& used : recipe.got.nixpkgs) {
    if (last && last->where == used.where) continue;  // a companion hands its own to its PyTorch
    last = &used;
    if (used.rev && used.sha256.value_or("").empty()) {
      report.add(used.where, "the tarball of nixpkgs has no sha256");
    } else if (recipe.want && used.rev && *used.rev == recipe.want->nixpkgs->rev &&
               recipe.want->nixpkgs->sha256 && used.sha256 != recipe.want->nixpkgs->sha256) {
      report.add(used.where, "the sha256 of nixpkgs differs from the matrix'");
    }
  }
}

void rule_empty_hash(const Case& recipe, Report& report) {
  for (const RecordedFetch& fetch : recipe.got.fetches) {
    if (!fetch.hash) continue;  // fetchTarball may go without: pin-hash
    if (const std::string why = why_no_hash(*fetch.hash); !why.empty()) {
      report.add(fetch.where.file.empty() ? recipe.whole() : fetch.where,
                 fmt::format("{} has {}", name_of(fetch), why));
    }
  }
}

void rule_gone_alias(const Case& recipe, Report& report) {
  for (const std::string& name : recipe.got.gone_aliases)
    report.add(recipe.whole(), fmt::format("uses {}, which this nixpkgs no longer has", name));
}

void rule_impure(const Case& recipe, Report& report) {
  for (const RecordedImpurity& impurity : recipe.got.impurities) {
    report.add(recipe.whole(),
               impurity.what == "environment"
                   ? fmt::format("reads the environment variable {}", impurity.detail)
                   : fmt::format("depends on the machine ({}): {}", impurity.what, impurity.detail));
  }
}

void rule_fetched_import(const Case& recipe, Report& report) {
  for (const std::string& what : recipe.got.fetched_imports)
    report.add(recipe.whole(), fmt::format("imports {}, which must be fetched first", what));
}

}  // namespace

std::span<const Rule> pin_rules() {
  static constexpr Rule table[] = {
      {"pin", Severity::error,
       "The recipe uses another revision of nixpkgs than the matrix, with other releases of everything "
       "and other patches. Old pins are a common reason why builds of one branch differ.",
       write_anew, rule_pin},
      {"pin-missing", Severity::error,
       "Without a pinned nixpkgs the recipe means something else on every machine and every day.",
       "import a pinned tarball of nixpkgs", rule_pin_missing},
      {"pin-mixed", Severity::warning,
       "Recipes for one CUDA release in one folder use different revisions of nixpkgs.", "use one",
       rule_pin_mixed},
      {"pin-hash", Severity::warning,
       "Nix does not check a tarball without sha256. Evaluation is impure and a changed file goes "
       "unnoticed.",
       "put sha256 under [nixpkgs.NAME] in the matrix", rule_pin_hash},
      {"empty-hash", Severity::error,
       "A hash that was left empty or fake to let the first build find it. The build stops with a hash "
       "mismatch.",
       "put in the hash that the build names", rule_empty_hash},
      {"gone-alias", Severity::error,
       "The attribute was an alias in an older nixpkgs and no longer evaluates: python3Packages.pytorch is "
       "python3Packages.torch.",
       "use the attribute's own name", rule_gone_alias},
      {"impure", Severity::warning,
       "What the recipe builds depends on the machine that evaluates it: a variable, a file outside its "
       "folder, the time. In a pure evaluation it is empty or fails.",
       "put the value into the recipe", rule_impure},
      {"fetched-import", Severity::warning,
       "A part of the recipe comes from a repository that must be fetched while evaluating. The audit "
       "did not read it.",
       "keep all of the recipe in its folder", rule_fetched_import},
  };
  return table;
}

}  // namespace lathe
