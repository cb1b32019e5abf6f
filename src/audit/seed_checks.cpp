// SPDX-License-Identifier: MIT
#include "audit/seed_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "hardware/nixpkgs.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {
namespace {

bool is_gpu_file(const AuditedRecipe& recipe) { return recipe.file.find("-cuda") != std::string::npos; }
bool is_cpu_file(const AuditedRecipe& recipe) { return recipe.file.find("-cpu-") != std::string::npos; }

const RecordedPackage* torch_of(const AuditedRecipe& recipe) {
  return recipe.recorded->package ? &*recipe.recorded->package : nullptr;
}

SeedCheck check_each(const Audit& audit, std::string what,
                     const std::function<bool(const AuditedRecipe&)>& concerns,
                     const std::function<bool(const AuditedRecipe&)>& good) {
  SeedCheck check{.what = std::move(what), .good = true, .files = {}};
  for (const AuditedRecipe& recipe : audit.recipes) {
    if (recipe.verdict != Verdict::outside && concerns(recipe) && !good(recipe))
      check.files.push_back(recipe.file);
  }
  check.good = check.files.empty();
  return check;
}

SeedCheck check_count(const Audit& audit, std::string_view what, bool gpu) {
  const auto found =
      static_cast<std::size_t>(std::ranges::count_if(audit.recipes, gpu ? is_gpu_file : is_cpu_file));
  const auto wanted = static_cast<std::size_t>(
      std::ranges::count_if(audit.wanted, [&](const Variant& v) { return v.is_gpu() == gpu; }));
  return {.what = fmt::format("{} {} recipes, {} there", wanted, what, found),
          .good = found == wanted,
          .files = {}};
}

SeedCheck check_suffix(const Audit& audit, const std::string& suffix) {
  const bool is_isa = suffix == "avx" && std::ranges::any_of(audit.wanted, [](const Variant& v) {
                        return v.cell->isa->name == "avx";
                      });
  return check_each(
      audit, fmt::format("no name ends in -{}", suffix), [&](const AuditedRecipe&) { return !is_isa; },
      [&](const AuditedRecipe& recipe) { return !recipe.file.ends_with("-" + suffix + ".nix"); });
}

bool major_cuda(const RecordedPackage& torch, const Variant& variant) {
  return torch.cuda &&
         torch.cuda->version.starts_with(std::to_string(variant.cell->cuda->parts.front()) + ".");
}

// Has MAGMA what it needs with this CUDA?
bool magma_compiles(const RecordedPackage& torch, const Variant& variant) {
  const MagmaFix* fix = magma_fix(*variant.cell->cuda);
  if (!fix) return true;
  return torch.magma && std::ranges::any_of(torch.magma->patches,
                                            [&](const RecordedPatch& p) { return fix->is(p.name, p.url); });
}

}  // namespace

std::vector<SeedCheck> seed_checks(const Audit& audit) {
  std::vector<SeedCheck> checks = {check_count(audit, "GPU", true), check_count(audit, "CPU", false)};
  for (const char* suffix : {"magma", "nightly", "avx"}) checks.push_back(check_suffix(audit, suffix));
  const auto variant_of = [&](const AuditedRecipe& recipe) {
    return recipe.variant.empty() ? nullptr : &audit.variant(recipe.variant);
  };
  checks.push_back(check_each(
      audit, "every GPU recipe builds with its CUDA, MAGMA's fix where CUDA needs it, and the wanted PyTorch",
      is_gpu_file, [&](const AuditedRecipe& recipe) {
        const RecordedPackage* torch = torch_of(recipe);
        const Variant* variant = variant_of(recipe);
        if (!torch || !variant || !variant->is_gpu() || !major_cuda(*torch, *variant)) return false;
        return magma_compiles(*torch, *variant) && torch->version == variant->pytorch->version;
      }));
  checks.push_back(check_each(audit, "every CPU recipe builds the wanted PyTorch without CUDA", is_cpu_file,
                              [&](const AuditedRecipe& recipe) {
                                const RecordedPackage* torch = torch_of(recipe);
                                const Variant* variant = variant_of(recipe);
                                return torch && variant && !torch->cuda_support.value_or(false) &&
                                       torch->version == variant->pytorch->version;
                              }));
  checks.push_back(check_each(
      audit, "every recipe uses the matrix' nixpkgs", [](const AuditedRecipe&) { return true; },
      [&](const AuditedRecipe& recipe) {
        const RecordedNixpkgs* pin = recipe.recorded->pin();
        return pin && pin->rev && std::ranges::any_of(audit.wanted, [&](const Variant& v) {
                 return v.nixpkgs->rev == *pin->rev;
               });
      }));
  checks.push_back(check_each(audit, "every GPU recipe builds for the GPUs in its name", is_gpu_file,
                              [&](const AuditedRecipe& recipe) {
                                const Variant* variant = variant_of(recipe);
                                return torch_of(recipe) && variant &&
                                       torch_of(recipe)->gpu_targets == variant->arch_list();
                              }));
  return checks;
}

}  // namespace lathe
