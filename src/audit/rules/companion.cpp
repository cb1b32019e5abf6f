// SPDX-License-Identifier: MIT
// torchvision and torchaudio: which torch they are built with, hand on, and for which GPUs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "audit/rule.h"
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
  std::vector<std::string> want;
  for (const Capability gpu : recipe.promise->gpus) want.push_back(spell(gpu, Dialect::dotted));
  const std::string text = fmt::format("{}", fmt::join(want, ";"));
  if (list->second != text) report.add(recipe.whole(), fmt::format("is built for {}, its name says {}", list->second, text));
}

}  // namespace lathe
