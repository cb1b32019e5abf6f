// SPDX-License-Identifier: MIT
// What a recipe is cut out of: the build that its matrix says, with code for the GPUs that it is named for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/import/own_torch.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

// For nixpkgs' own torch a matrix has base = "nixpkgs"; a companion is cut out of another one's.
std::string why_other_base(const Case& recipe) {
  if (!recipe.want || recipe.is_companion()) return "";
  if (!recipe.want->of_nixpkgs)
    return recipe.got.of_nixpkgs ? "is cut out of nixpkgs' own torch, which the matrix does not ask for" : "";
  if (recipe.got.carver.empty()) return "is built, but the matrix cuts it out of nixpkgs' own torch";
  if (!recipe.got.of_nixpkgs) return "is cut out of a torch other than nixpkgs' own";
  if (std::string why = why_not_own(recipe.got); !why.empty()) return why;
  const std::string version = recipe.want->pytorch->version, cuda = recipe.want->cell->cuda->text();
  if (recipe.got.expected == std::map<std::string, std::string>{{"cuda", cuda}, {"version", version}})
    return "";
  return fmt::format("takes whatever torch its package set has: nothing expects PyTorch {} with CUDA {}",
                     version, cuda);
}

bool has_code(const std::vector<std::string>& base, Capability gpu) {
  return std::ranges::any_of(base, [&](const std::string& target) {
    const auto spelled = parse_capability(target);
    return spelled && spelled->capability == gpu;
  });
}

void rule_carve_base(const Case& recipe, Report& report) {
  if (!recipe.package() || !recipe.is_torch()) return;
  if (const std::string why = why_other_base(recipe); !why.empty()) return report.add(recipe.whole(), why);
  if (!recipe.promise || recipe.got.base_gpus.empty()) return;
  if (recipe.want && recipe.want->cell->status == PairStatus::impossible) return;  // impossible-wanted
  std::vector<std::string> lacking;
  for (const Capability gpu : recipe.promise->gpus) {
    if (!has_code(recipe.got.base_gpus, gpu)) lacking.push_back(spell(gpu, Dialect::dotted));
  }
  if (lacking.empty()) return;
  report.add(recipe.whole(), fmt::format("is cut out of a build for {}, which has no code for {}",
                                         fmt::join(recipe.got.base_gpus, ", "), fmt::join(lacking, ", ")));
}

}  // namespace

std::span<const Rule> carve_rules() {
  static constexpr Rule table[] = {
      {"carve-base", Severity::error,
       "A carved variant has no more code than its base. This base has no code for the GPU, or is not "
       "the one in the matrix: with base = \"nixpkgs\" it must be nixpkgs' own torch, which caches have "
       "as long as nothing in its package set is changed.",
       write_anew, rule_carve_base},
  };
  return table;
}

}  // namespace lathe
