// SPDX-License-Identifier: MIT
// torchvision and torchaudio: which torch they are built with, hand on, and for which GPUs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "audit/rules/rule.h"
#include "base/text.h"

namespace lathe {

void rule_dev_output(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package) return;
  if (!package->output.empty() && package->output != "out") report.add(recipe.whole(), fmt::format("is the output \"{}\", not the package", package->output));
  for (const RecordedInput& input : package->propagated) {
    if (input.package.ends_with(".torch") && !input.output.empty() && input.output != "out") {
      report.add(recipe.at("propagatedBuildInputs"), fmt::format("hands on the output \"{}\" of torch: Python will not find torch", input.output));
      return;
    }
  }
}

void rule_torch_output(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || recipe.package()->torch->output.empty()) return;
  report.add(recipe.at("override.torch"), fmt::format("is given the output \"{}\" of torch alone", recipe.package()->torch->output));
}

// Two libtorch in one process crash, so a companion must have the torch that the folder (or nixpkgs) offers.
void rule_embedded_torch(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.package()->torch) return;
  const RecordedPackage& torch = *recipe.package()->torch;
  if (torch.changes == 0) return;
  const bool offered = recipe.folder && recipe.folder->files_of_pname.contains(torch.pname);
  if (!offered) report.add(recipe.whole(), fmt::format("has a torch of its own (\"{}\"), which no recipe of the folder offers", torch.pname));
}

void rule_companion_gpus(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.promise || !recipe.promise->is_gpu()) return;
  const auto list = recipe.package()->environment.find("TORCH_CUDA_ARCH_LIST");
  if (list == recipe.package()->environment.end()) return;
  std::vector<std::string> want = recipe.want ? recipe.want->arch_list() : std::vector<std::string>{};
  for (const Capability gpu : recipe.promise->gpus) {
    if (!recipe.want) want.push_back(spell(gpu, Dialect::dotted));
  }
  const std::string text = fmt::format("{}", fmt::join(want, ";"));
  if (list->second != text) report.add(recipe.whole(), fmt::format("is built for {}, its name says {}", list->second, text));
}

// What else it is built with (NCCL, MAGMA, other libraries) looks at the configuration of its package set.
void rule_companion_config(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want || !recipe.promise->is_gpu()) return;
  if (std::ranges::any_of(recipe.promise->gpus, is_refused_by_config)) return;
  const bool narrowed = std::ranges::any_of(recipe.got.nixpkgs, [](const RecordedNixpkgs& set) { return !set.config_texts("cudaCapabilities").empty(); });
  // To what it is narrowed is the matter of config-capabilities.
  if (!narrowed) report.add(recipe.whole(), "config.cudaCapabilities of its package set is not set");
}

// One to one: the PyTorch of the variant that it belongs to, no other.
void rule_companion_torch(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want) return;
  const Json* said = recipe.package()->torch->passthru("torchlathe");
  const std::string got = said && said->object() ? said->text_of("variant") : "";
  if (got != recipe.want->torch) {
    report.add(recipe.whole(), fmt::format("is built with {}, it belongs to {}", got.empty() ? "a torch that is no variant" : got, recipe.want->torch));
  }
}

// Which release of the companion the matrix wants.
void rule_companion_version(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want || !recipe.want->companion) return;
  const CompanionSource& want = *recipe.want->companion;
  const std::string& got = recipe.package()->version;
  if (!want.version.empty() && got != want.version) {
    report.add(recipe.at("version"), fmt::format("builds {} {}, the matrix wants {}", want.package, got, want.version));
  }
  if (recipe.package()->builder != want.package) report.add(recipe.whole(), fmt::format("builds {}, it is named {}", recipe.package()->builder, want.package));
}

}  // namespace lathe
