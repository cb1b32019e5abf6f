// SPDX-License-Identifier: MIT
// What nixpkgs does for the release of PyTorch that it ships, where a recipe builds another: patches,
// substitutions, triton. And what it checks when all is built. Does not know whether a patch applies;
// nixpkgs.toml says for which releases it is.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "hardware/nixpkgs.h"
#include "nix/record.h"

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

// Of a companion: names in a list of nixpkgs' own patches.
std::vector<std::string> patches_in(const Json* list) {
  std::vector<std::string> names;
  if (!list || !list->array()) return names;
  for (const Json& patch : *list->array()) {
    if (patch.text() && patch.text()->starts_with("<nixpkgs:patches>/"))
      names.push_back(patch.text()->substr(patch.text()->rfind('/') + 1));
  }
  return names;
}

// The release that this nixpkgs has of what the recipe builds.
std::string shipped(const Case& recipe) {
  const std::string& builder = recipe.package()->builder;
  if (builder == "torchvision") return recipe.nixpkgs()->torchvision;
  return builder == "torchaudio" ? recipe.nixpkgs()->torchaudio : recipe.nixpkgs()->torch;
}

void rule_patch_dropped(const Case& recipe, Report& report) {
  if (recipe.is_companion()) {
    const RecordedPackage& package = *recipe.package();
    for (const std::string& name : patches_in(package.original.find("patches"))) {
      if (!has_patch(package, name))
        report.add(recipe.at("patches"),
                   fmt::format("drops {}, which nixpkgs' {} has", name, package.builder));
    }
    return;
  }
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch || !torch->cuda_support.value_or(false)) return;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (!recipe.nixpkgs()->has_patch(patch.name) || !patch.is_for(torch->version) ||
        has_patch(*torch, patch.name))
      continue;
    report.add(recipe.at("patches"), fmt::format("drops {}: {}", patch.name, patch.use));
  }
}

void rule_patch_stale(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch) return;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (patch.is_for(torch->version) || !has_patch(*torch, patch.name)) continue;
    report.add(recipe.at("patches"),
               fmt::format("keeps {}, which is not for PyTorch {}", patch.name, torch->version));
  }
}

void rule_old_substitutions(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.is_torch() || recipe.is_companion() ? recipe.package() : nullptr;
  if (!package || !recipe.nixpkgs() || !recipe.got.carver.empty() || package->version.empty() ||
      package->version == shipped(recipe))
    return;
  if (package->text_of("postPatch").find("--replace-fail") != std::string::npos) {
    report.add(recipe.at("postPatch"), fmt::format("builds {} {} and insists on texts of {}",
                                                   recipe.is_torch() ? "PyTorch" : package->builder,
                                                   package->version, shipped(recipe)));
  }
}

// What is wrong with a triton that a recipe puts in the place of nixpkgs'; "" where nothing is, or nobody
// knows how to.
std::string why_not_right(const RecordedTriton& triton, std::string_view there) {
  const auto& rows = nixpkgs_tables().tritons;
  const auto row = std::ranges::find(rows, triton.version, &TritonSource::release);
  if (row == rows.end() || std::ranges::find(row->instead_of, there) == row->instead_of.end()) return "";
  if (!triton.source) return "takes nixpkgs' own source of another release";
  if (triton.source->hash.value_or("") != row->hash)
    return fmt::format("has the hash {}, its source's is {}", triton.source->hash.value_or("none"),
                       row->hash);
  const std::string llvm = triton.llvm_source ? triton.llvm_source->url + triton.llvm_source->rev : "";
  if (llvm.find(row->llvm) == std::string::npos)
    return fmt::format("is built with another LLVM than {}", row->llvm);
  for (const std::string& name : row->stale_patches) {
    if (std::ranges::find(triton.patches, name, &RecordedPatch::name) != triton.patches.end())
      return fmt::format("keeps {}, which does not apply to it", name);
  }
  const std::size_t mended = triton.post_patch.find(row->link_file);
  if (mended == std::string::npos || triton.post_patch.find("-Wl,-rpath,", mended) == std::string::npos) {
    return fmt::format("does not find the driver's library: nothing replaces what {} did",
                       row->stale_patches.front());
  }
  return "";
}

void rule_triton(const Case& recipe, Report& report) {
  const RecordedPackage* torch = upgraded(recipe);
  if (!torch || !torch->cuda_support.value_or(false) || !torch->triton) return;
  const RecordedTriton& triton = *torch->triton;
  const bool changed = triton.changes > 0 || triton.llvm_changes > 0;
  if (torch->version == recipe.nixpkgs()->torch && !changed) return;
  const TorchNeeds* needs = torch_needs(torch->version);
  if (!needs) return;
  if (needs->triton != triton.version) {
    const std::string_view pin = pin_with(torch->version, needs->triton);
    report.add(recipe.whole(),
               fmt::format("PyTorch {} is made for triton {}, {} {}{}", torch->version, needs->triton,
                           changed ? "the recipe's is" : "this nixpkgs has", triton.version,
                           pin.empty() ? "" : fmt::format(" (nixpkgs {} has both)", pin)));
  } else if (const std::string why = why_not_right(triton, recipe.nixpkgs()->triton); !why.empty()) {
    report.add(recipe.whole(), fmt::format("its triton {} {}", triton.version, why));
  }
}

void rule_metadata_name(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  const bool companion = recipe.is_companion();
  if (!package || (!companion && !recipe.is_torch()) || package->pname == package->builder) return;
  const Json* off = package->attributes.find("dontCheckPythonMetadata");
  if (off && ((off->get<bool>() && *off->get<bool>()) || (off->text() && !off->text()->empty()))) return;
  if (recipe.nixpkgs() && !recipe.nixpkgs()->metadata_check) return;
  if (!recipe.got.carver.empty()) return;  // nothing of Python's is run there
  const std::string taken = recipe.nixpkgs()
                                ? ""
                                : fmt::format(" (this nixpkgs is not known: taken for one of {})",
                                              nixpkgs_tables().releases.back().since);
  report.add(recipe.at("pname"),
             fmt::format("is named {}, but its metadata say {}{}", package->pname, package->builder, taken));
}

}  // namespace

std::span<const Rule> upgrade_rules() {
  static constexpr Rule table[] = {
      {"patch-dropped", Severity::warning,
       "A patch of nixpkgs is gone that this release of PyTorch needs. Most of them fail late or not at all: "
       "without the one for CUPTI the profiler sees no GPU and nothing says so.",
       "keep (old.patches or [ ]), and filter out by name what does not apply", rule_patch_dropped},
      {"patch-stale", Severity::error,
       "nixpkgs' patches are for the release that it ships. This one does not apply to the release that is "
       "built: the build stops in its first phase.",
       write_anew, rule_patch_stale},
      {"old-substitutions", Severity::warning,
       "nixpkgs' postPatch replaces texts of the release that it ships and stops (--replace-fail) where one "
       "is "
       "not there. Another release may have lost it.",
       "builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] old.postPatch",
       rule_old_substitutions},
      {"triton", Severity::warning,
       "torch.compile makes its GPU code with triton, and each PyTorch is made for one release of it, which "
       "is "
       "made for one LLVM. nixpkgs moves them together; an overlay that moves PyTorch alone leaves triton "
       "behind, and torch.compile fails when a program runs.",
       "the overlay that torchlathe generate writes where it is known how (torchlathe catalog triton), or a "
       "nixpkgs that ships this PyTorch",
       rule_triton},
      {"metadata-name", Severity::error,
       "From July 2026 on, nixpkgs looks up a Python package by its pname at the end of the build, and "
       "Python knows PyTorch as torch, whatever the pname: the build fails there.",
       "dontCheckPythonMetadata = true;", rule_metadata_name},
  };
  return table;
}

}  // namespace lathe
