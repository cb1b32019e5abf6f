// SPDX-License-Identifier: MIT
#include "audit/import/two_recipes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "matrix/values/nix_text.h"

namespace lathe {
namespace {

// "python313Packages." of python313Packages.torch.
std::string python_set(const RecordedPackage& package) {
  return package.attribute.substr(0, package.attribute.rfind('.') + 1);
}

// What the matrix allows every package, no list or function of some needs to allow.
bool is_allowed_to_all(const std::string& name, const RecordedNixpkgs& theirs) {
  const auto some = [&](const std::string& flag) {
    return name.starts_with(flag) && name != flag && theirs.config_flag(flag);
  };
  return some("allowUnfree") || some("allowBroken");
}

}  // namespace

const Json& member_of(const Json& json, std::string_view name) {
  static const Json none;
  const Json* found = json.find(name);
  return found ? *found : none;
}

bool TwoRecipes::compare_parts() {
  if (made_.failure || !made_.package) {
    fail(made_.failure ? "what generate writes for it does not evaluate: " + made_.failure->message
                       : "what generate writes for it is not a package");
    return false;
  }
  compare_kept();
  for (const std::string& name : got().added)
    fail(fmt::format("adds {} to the finished package, where no build sees it; a matrix cannot express that",
                     name));
  compare_packages("packages", "an overlay changes", result_.extra.packages);
  compare_packages("python", "changes the Python packages", result_.extra.python);
  compare_packages("cuda", "changes CUDA's packages", result_.extra.cuda);
  compare_magma();
  compare_nixpkgs();
  for (const std::string& what : got_.looked_into)
    fail(fmt::format("changes {} in a way that the audit does not know", what));
  compare_arguments();
  compare_config();
  return true;
}

void TwoRecipes::fail(std::string why) {
  if (result_.why.empty()) result_.why = std::move(why);
}

std::string TwoRecipes::plain_text(const Json& value, const std::string& folder,
                                   const RecordedPackage& package) {
  std::string text = json_text(value, folder);
  if (const std::string set = python_set(package); !set.empty())
    text = replace_all(std::move(text), set, "python.");
  if (package.cuda) text = replace_all(std::move(text), package.cuda->set + ".", "cudaPackages.");
  return text;
}

bool TwoRecipes::same(const Json& mine, const Json& theirs) const {
  return plain_text(mine, folder_, got()) == plain_text(theirs, made_folder_, made());
}

void TwoRecipes::bind(std::string_view name, const std::optional<std::string>& value) {
  if (!is_nix_name(name)) return fail(fmt::format("sets {}, which is not a plain name", printable(name)));
  if (!value)
    return fail(fmt::format(
        "sets {} to a value that cannot be written down: a function, or a package of its own", name));
  result_.extra.attributes.push_back(fmt::format("{} = {};", name, *value));
}

// What a matrix has words for must be the same already.
void TwoRecipes::compare_kept() {
  const auto version = [](const RecordedPackage& package) {
    return package.cuda && package.cuda_support.value_or(false) ? package.cuda->version : "";
  };
  if (got().version != made().version)
    fail(fmt::format("builds PyTorch {}, not {}", got().version, made().version));
  if (got().gpu_targets != made().gpu_targets && !got().gpu_targets.empty())
    fail("builds for GPUs that a matrix cannot express");
  if (version(got()) != version(made()))
    fail(fmt::format("builds with CUDA {}, not {}", version(got()), version(made())));
  const auto place = [](const RecordedPackage& package) {
    return package.source ? fmt::format("{} {}/{} {} {}", package.source->how, package.source->owner,
                                        package.source->repo, package.source->rev, package.source->url)
                          : "";
  };
  const Json *source = got().attributes.find("src"), *before = got().original.find("src");
  const bool own = std::ranges::find(got().written, "src") != got().written.end() && source &&
                   !(before && json_text(*source) == json_text(*before));
  if (own && (!got().source || place(got()) != place(made())))
    fail("takes its source from a place that a matrix cannot express");
}

// Packages that the recipe has put in the place of others.
void TwoRecipes::compare_packages(std::string_view set, std::string_view what,
                                  std::map<std::string, std::string>& extra) {
  const Json& mine = member_of(got().values, set);
  const Json& theirs = member_of(made().values, set);
  if (!mine.object()) return;
  for (const auto& [name, value] : *mine.object()) {
    const Json* other = theirs.find(name);
    if (other && same(value, *other)) continue;
    auto text = NixValues(folder_).expression(value);  // of the packages before
    if (!text || !is_nix_name(name))
      return fail(fmt::format(
          "{} {} to a value that cannot be written down: a function, or a package of its own", what, name));
    std::string path;  // of its set, with a dot behind
    if (set == "python") path = python_set(got());
    if (set == "cuda") path = "cudaPackages.";
    if (set == "python") text = replace_all(*text, "pkgs." + path, "python.");
    if (set == "cuda") text = replace_all(*text, "pkgs." + got().cuda->set + ".", "cuda.");
    extra[name] = *text;
    nix_.is_at(value, fmt::format("pkgs.{}{}", path, name));
  }
}

// What the recipe gives MAGMA beside what nixpkgs does (cudaSupport) and the matrix (its patches).
void TwoRecipes::compare_magma() {
  const auto others = [&](std::string_view part) {
    Json::Object rest;
    const Json& theirs = member_of(member_of(made().values, "magma"), part);
    const Json::Object* mine = member_of(member_of(got().values, "magma"), part).object();
    if (!mine) return rest;
    std::ranges::copy_if(*mine, std::back_inserter(rest), [&](const auto& each) {
      return !theirs.find(each.first) || !same(each.second, *theirs.find(each.first));
    });
    return rest;
  };
  const Json::Object arguments = others("override"), attributes = others("attributes");
  const auto label = [](const RecordedPackage& torch) { return torch.magma ? torch.magma->package : ""; };
  if (arguments.empty() && attributes.empty() && label(got()) == label(made())) return;
  const auto other = nix_.expression(Json(Json::Value("<" + label(got()) + ">")));
  if (!other) return fail("replaces MAGMA by something that cannot be written down");
  const std::string& package = *other;
  const auto given = nix_.expression(Json(Json::Value(arguments))),
             change = nix_.change(label(got()), Json(Json::Value(attributes)));
  if (!given || !change) return fail("changes MAGMA in a way that cannot be written down");
  std::string& text = result_.extra.packages["magma"];
  text = arguments.empty() ? package : fmt::format("({}.override {})", package, *given);
  if (!attributes.empty()) text += ".overrideAttrs " + *change;
}

void TwoRecipes::compare_nixpkgs() {
  const RecordedNixpkgs* mine = got_.pin();
  const RecordedNixpkgs* theirs = made_.pin();
  if (!mine || !theirs || !mine->arguments.object()) return;
  for (const auto& [name, value] : *mine->arguments.object()) {
    const Json* other = theirs->arguments.find(name);
    if (other && same(value, *other)) continue;
    const auto text = nix_.expression(value);
    if (text && is_nix_name(name)) result_.extra.nixpkgs[name] = *text;
    else fail(fmt::format("gives nixpkgs a {} that cannot be written down", name));
  }
  // On which the compilers run, where they compile for another.
  if (mine->system != theirs->system && !result_.extra.nixpkgs.contains("localSystem"))
    result_.extra.nixpkgs["localSystem"] = fmt::format("\"{}\"", mine->system);
}

void TwoRecipes::compare_arguments() {
  const Json::Object* arguments = got().override_arguments.object();
  if (!arguments) return;
  for (const auto& [name, value] : *arguments) {
    const Json* theirs = made().override_arguments.find(name);  // null is an argument too
    if (!word_for_argument(name).empty() || (theirs && same(value, *theirs))) continue;
    const auto text = nix_.expression(value);
    if (text && is_nix_name(name)) result_.extra.override_arguments[name] = *text;
    else fail(fmt::format("gives override a {} that cannot be written down", name));
  }
}

void TwoRecipes::compare_config() {
  const RecordedNixpkgs* mine = got_.pin();
  const RecordedNixpkgs* theirs = made_.pin();
  if (!mine || !theirs || !mine->config.object()) return;
  for (const auto& [name, value] : *mine->config.object()) {
    const Json* other = theirs->config.find(name);
    const bool said = name == "packageOverrides" || !word_for_config(name).empty();  // among the packages
    if (said || (other && same(value, *other)) || is_allowed_to_all(name, *theirs)) continue;
    // A function of the package set, told by what it gives.
    auto text = nix_.expression(value);
    if (text && name == "replaceStdenv") text = "{ pkgs, ... }: " + *text;
    if (text && is_nix_name(name)) result_.extra.config[name] = *text;
    else fail(fmt::format("configures nixpkgs with a {} that cannot be written down", name));
  }
}

}  // namespace lathe
