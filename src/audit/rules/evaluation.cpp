// SPDX-License-Identifier: MIT
// Recipes that cannot be evaluated, or evaluate to something that is not a build of PyTorch as nixpkgs makes
// it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <string_view>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "nix/record.h"

namespace lathe {
namespace {

bool is_syntax(const Recorded::Failure& failure) {
  return failure.cause == Recorded::Cause::not_nix ||
         failure.message.find("syntax error") != std::string::npos;
}

// Overlays, modules, flakes and libraries lie beside recipes. Only a name says that a file must be a package.
bool is_a_recipe(const Case& recipe) { return recipe.want || recipe.name.name.has_value(); }

Place place_of(const Recorded::Failure& failure, const Case& recipe) {
  return failure.where.file.empty() ? recipe.whole() : failure.where;
}

void rule_syntax(const Case& recipe, Report& report) {
  const auto& failure = recipe.got.failure;
  if (failure && failure->cause != Recorded::Cause::none && is_syntax(*failure)) {
    report.add(place_of(*failure, recipe), failure->message);
  }
}

void rule_evaluation(const Case& recipe, Report& report) {
  const auto& failure = recipe.got.failure;
  if (failure && failure->cause != Recorded::Cause::none && !is_syntax(*failure) && is_a_recipe(recipe)) {
    report.add(place_of(*failure, recipe), failure->message);
  }
}

void rule_not_evaluated(const Case& recipe, Report& report) {
  const auto& failure = recipe.got.failure;
  if (failure && failure->cause == Recorded::Cause::none) report.add(recipe.whole(), failure->message);
}

void rule_not_a_package(const Case& recipe, Report& report) {
  if (!recipe.got.evaluated() || recipe.package() || !is_a_recipe(recipe)) return;
  report.add(recipe.whole(), recipe.got.kind == Recorded::Kind::set
                                 ? "evaluates to a set of packages, not to one"
                                 : "evaluates to something that is not a package");
}

void rule_from_scratch(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package || !recipe.promise || recipe.promise->package != "pytorch" || package->builder == "torch")
    return;
  report.add(recipe.at("pname"),
             fmt::format("is made with {}, not from the torch of nixpkgs", package->builder));
}

void rule_unknown_name(const Case& recipe, Report& report) {
  if (!recipe.got.unknown.empty()) {
    report.add(recipe.whole(),
               fmt::format("uses {}, which the recorder does not know", fmt::join(recipe.got.unknown, ", ")));
  }
  if (!recipe.got.unsure.empty()) {
    report.add(recipe.whole(), fmt::format("uses {}, which may not exist in this nixpkgs",
                                           fmt::join(recipe.got.unsure, ", ")));
  }
}

}  // namespace

std::span<const Rule> evaluation_rules() {
  static constexpr Rule table[] = {
      {"syntax", Severity::error,
       "Nix cannot read the file: a parenthesis is missing, it is not text, or it cannot be opened. Nothing "
       "can "
       "be built from it.",
       write_anew, rule_syntax},
      {"evaluation", Severity::error,
       "Nix stops with an error, does not come to an end, or needs too much memory when it evaluates the "
       "recipe. The message is Nix's own.",
       write_anew, rule_evaluation},
      {"not-evaluated", Severity::warning,
       "Nix is not installed, so the recipe was judged by its name and text alone. That finds "
       "little.",
       "install Nix and audit again", rule_not_evaluated},
      {"not-a-package", Severity::error,
       "A recipe must evaluate to one package; this one is a set, a function or a text. Flox and nix-build "
       "have nothing to build.",
       write_anew, rule_not_a_package},
      {"from-scratch", Severity::error,
       "The recipe describes the whole build of PyTorch itself. It misses every fix that nixpkgs makes, and "
       "no "
       "option of nixpkgs' torch reaches it.",
       write_anew, rule_from_scratch},
      {"unknown-name", Severity::note,
       "The recorder that stands in for nixpkgs does not know this name. If nixpkgs does not have it either, "
       "evaluation fails there.",
       "check that this nixpkgs has it", rule_unknown_name},
  };
  return table;
}

}  // namespace lathe
