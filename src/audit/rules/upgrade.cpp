// SPDX-License-Identifier: MIT
// What nixpkgs does for the release of PyTorch that it ships, where a recipe builds another: patches, substitutions, triton. And
// what it checks when all is built. Does not know whether a patch applies; nixpkgs.toml says for which releases it is.
#include <fmt/format.h>

#include <algorithm>

#include "audit/rules/rule.h"

namespace lathe {
namespace {

bool has_patch(const RecordedPackage& torch, const std::string& name) {
  return std::ranges::find(torch.patches, name, &RecordedPatch::name) != torch.patches.end();
}

// The PyTorch of a recipe whose nixpkgs is known.
const RecordedPackage* upgraded(const Case& recipe) {
  const RecordedPackage* torch = recipe.is_torch() ? recipe.package() : nullptr;
  return torch && recipe.nixpkgs() && !torch->version.empty() ? torch : nullptr;
}

}  // namespace

void rule_patch_dropped(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch || !torch->cuda_support.value_or(false)) return;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (!recipe.nixpkgs()->has_patch(patch.name) || !patch.is_for(torch->version) || has_patch(*torch, patch.name)) continue;
    report.add(recipe.at("patches"), fmt::format("drops {}: {}", patch.name, patch.use));
  }
}

void rule_patch_stale(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch) return;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (patch.is_for(torch->version) || !has_patch(*torch, patch.name)) continue;
    report.add(recipe.at("patches"), fmt::format("keeps {}, which is not for PyTorch {}", patch.name, torch->version));
  }
}

void rule_old_substitutions(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch || torch->version == recipe.nixpkgs()->torch) return;
  if (torch->text_of("postPatch").find("--replace-fail") != std::string::npos) {
    report.add(recipe.at("postPatch"), fmt::format("builds PyTorch {} and insists on texts of {}", torch->version, recipe.nixpkgs()->torch));
  }
}

void rule_triton(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch || !torch->cuda_support.value_or(false) || torch->version == recipe.nixpkgs()->torch) return;
  const TorchNeeds* needs = torch_needs(torch->version);
  const std::string& there = recipe.nixpkgs()->triton;
  if (!needs || needs->triton == there) return;
  report.add(recipe.whole(), fmt::format("PyTorch {} is made for triton {}, this nixpkgs has {}", torch->version, needs->triton, there));
}

void rule_metadata_name(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  const bool companion = recipe.is_companion();
  if (!package || (!companion && !recipe.is_torch()) || package->pname == package->builder) return;
  const Json* off = package->attributes.find("dontCheckPythonMetadata");
  if (off && ((off->get<bool>() && *off->get<bool>()) || (off->text() && !off->text()->empty()))) return;
  if (recipe.nixpkgs() && !recipe.nixpkgs()->metadata_check) return;
  if (!recipe.got.carver.empty()) return;  // nothing of Python's is run there
  const std::string taken = recipe.nixpkgs() ? "" : fmt::format(" (this nixpkgs is not known: taken for one of {})", nixpkgs_tables().releases.back().since);
  report.add(recipe.at("pname"), fmt::format("is named {} and its metadata say {}{}", package->pname, package->builder, taken));
}

}  // namespace lathe
