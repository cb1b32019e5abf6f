// SPDX-License-Identifier: MIT
// What a companion has of its own: which PyTorch, which source, how many GPUs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <vector>

#include "hardware/capability.h"
#include "matrix/variant.h"
#include "recipe/holes.h"
#include "recipe/nix_words.h"

namespace lathe {
namespace {

const CompanionSource& source(const RecipeOf& of) { return *of.variant.companion; }

std::string capabilities(const RecipeOf& of) {
  const std::vector<Capability>& gpus = of.variant.cell->gpus;
  if (!of.variant.is_gpu()) return "";
  if (!config_takes(of.variant)) {
    return fmt::format(
        "# Not cudaCapabilities: nixpkgs' table has no {} for this machine. The companion reads "
        "torch.cudaCapabilities.",
        dotted_list(gpus));
  }
  std::vector<std::string> all;
  for (const Capability gpu : gpus) all.push_back(spell(gpu, Dialect::dotted));
  return fmt::format(
      "# The companion reads torch.cudaCapabilities; what else it is built with reads this.\n"
      "cudaCapabilities = [ {} ];",
      nix_texts(all));
}

// nixpkgs gives it PyTorch's capabilities, and those have no PTX.
std::string arch_list(const RecipeOf& of) {
  if (!of.variant.is_gpu() || !of.variant.settings->ptx) return "";
  return fmt::format("export TORCH_CUDA_ARCH_LIST=\"{}\"", fmt::join(of.variant.arch_list(), ";"));
}

constexpr Hole companion_rows[] = {
    {"package", [](const RecipeOf& of) { return source(of).package; }},
    {"torch", [](const RecipeOf& of) { return of.variant.torch; }},
    {"torch_all", [](const RecipeOf& of) { return of.variant.torch_carved_from; }},
    {"companion_version", [](const RecipeOf& of) { return source(of).version; }},
    {"companion_source",
     [](const RecipeOf& of) {
       return source(of).version.empty() ? "" : fill_template("companion_source.nix.in", of);
     }},
    {"companion_config",
     [](const RecipeOf& of) {
       return of.variant.is_gpu() ? fill_template("companion_config.nix.in", of) : "";
     }},
    {"companion_capabilities", capabilities},
    {"arch_list", arch_list},
    {"build_version",
     [](const RecipeOf& of) {
       return std::string(source(of).version.empty() ? "" : "export BUILD_VERSION=\"${version}\"");
     }},
};

}  // namespace

std::span<const Hole> companion_holes() { return companion_rows; }

}  // namespace lathe
