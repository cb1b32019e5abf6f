// SPDX-License-Identifier: MIT
// torchvision and torchaudio: which torch they are built with, hand on, and for which GPUs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {
namespace {

void rule_dev_output(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package) return;
  if (!package->output.empty() && package->output != "out")
    report.add(recipe.whole(), fmt::format("is the output \"{}\", not the package", package->output));
  for (const RecordedInput& input : package->propagated) {
    if (input.package.ends_with(".torch") && !input.output.empty() && input.output != "out") {
      report.add(
          recipe.at("propagatedBuildInputs"),
          fmt::format("hands on the output \"{}\" of torch: Python will not find torch", input.output));
      return;
    }
  }
}

void rule_torch_output(const Case& recipe, Report& report) {
  if (!recipe.is_companion()) return;
  const RecordedPackage& package = *recipe.package();
  if (!package.torch->output.empty()) {
    return report.add(recipe.at("override.torch"),
                      fmt::format("is given the output \"{}\" of torch alone", package.torch->output));
  }
  // What is cut out of a build hands on what that does.
  if (!recipe.want || !recipe.got.carver.empty()) return;
  const bool handed_on = std::ranges::any_of(package.propagated, [](const RecordedInput& input) {
    return input.package.ends_with(".torch") && input.output == "out";
  });
  if (!handed_on)
    report.add(recipe.at("propagatedBuildInputs"),
               "passes on only torch's output dev: an installed companion has no torch in Python");
}

// Two libtorch in one process crash, so a companion must have the torch that the folder (or nixpkgs) offers.
void rule_embedded_torch(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.package()->torch) return;
  const RecordedPackage& torch = *recipe.package()->torch;
  if (torch.changes == 0) return;
  const bool offered = recipe.folder && recipe.folder->files_of_pname.contains(torch.pname);
  if (!offered)
    report.add(
        recipe.whole(),
        fmt::format("has a torch of its own (\"{}\"), which no recipe of the folder offers", torch.pname));
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
  if (list->second != text)
    report.add(recipe.whole(), fmt::format("is built for {}, its name says {}", list->second, text));
}

// What else it is built with (NCCL, MAGMA, other libraries) looks at the configuration of its package set.
void rule_companion_config(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want || !recipe.promise->is_gpu()) return;
  const Machine machine = recipe.want->cell->isa->machine;
  const auto refused = [&](Capability gpu) { return is_refused_by_config(gpu, machine); };
  if (std::ranges::any_of(recipe.promise->gpus, refused)) return;
  const bool narrowed = std::ranges::any_of(recipe.got.nixpkgs, [](const RecordedNixpkgs& set) {
    return !set.config_texts("cudaCapabilities").empty();
  });
  // To what it is narrowed is the matter of config-capabilities.
  if (!narrowed) report.add(recipe.whole(), "config.cudaCapabilities of its package set is not set");
}

// One to one: the PyTorch of the variant that it belongs to, no other.
void rule_companion_torch(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want) return;
  const Json* said = recipe.package()->torch->passthru("torchlathe");
  const std::string got = said && said->object() ? said->text_of("variant") : "";
  if (got != recipe.want->torch) {
    report.add(recipe.whole(),
               fmt::format("is built with {}, it belongs to {}",
                           got.empty() ? "a torch that is not a variant" : got, recipe.want->torch));
  }
}

// How its source differs from the matrix'; "" where it does not.
std::string other_source(const RecordedPackage& package, const CompanionSource& want) {
  if (!package.source)
    return package.source_text.empty() ? "" : fmt::format("takes its source from {}", package.source_text);
  const RecordedFetch& got = *package.source;
  if (got.owner != want.owner || got.repo != want.repo || (!want.rev.empty() && got.rev != want.rev)) {
    return fmt::format("fetches {}/{} {}, the matrix wants {}/{} {}", got.owner, got.repo, got.rev,
                       want.owner, want.repo, want.rev);
  }
  if (got.hash && !got.hash->empty() && !want.hash.empty() && *got.hash != want.hash) {
    return fmt::format("the hash of its source is {}, the matrix has {}", *got.hash, want.hash);
  }
  return "";
}

// Which release of the companion the matrix wants.
void rule_companion_version(const Case& recipe, Report& report) {
  if (!recipe.is_companion() || !recipe.want || !recipe.want->companion) return;
  const CompanionSource& want = *recipe.want->companion;
  const std::string& got = recipe.package()->version;
  if (!want.version.empty() && got != want.version) {
    report.add(recipe.at("version"),
               fmt::format("builds {} {}, the matrix wants {}", want.package, got, want.version));
  }
  if (!want.version.empty() && got == want.version && recipe.got.carver.empty()) {
    if (const std::string why = other_source(*recipe.package(), want); !why.empty())
      report.add(recipe.at("src"), why);
    const auto built = recipe.package()->environment.find("BUILD_VERSION");
    const std::string says = built == recipe.package()->environment.end() ? "" : built->second;
    if (says != want.version)
      report.add(recipe.at("preConfigure"), fmt::format("setup.py sees BUILD_VERSION={}", says));
  }
  if (recipe.package()->builder != want.package)
    report.add(recipe.whole(),
               fmt::format("builds {}, it is named {}", recipe.package()->builder, want.package));
}

}  // namespace

std::span<const Rule> companion_rules() {
  static constexpr Rule table[] = {
      {"torch-output", Severity::error,
       "torch has several outputs. Its output dev names its Python dependencies and has its CMake "
       "files: a companion that gets another output alone cannot import torch during its build, or find "
       "it with CMake.",
       "inherit torch, whole, and propagatedBuildInputs = old.propagatedBuildInputs ++ [ torch.out ]",
       rule_torch_output},
      {"dev-output", Severity::error,
       "torch has several outputs; \"dev\" holds headers and no Python module. A companion that passes it on "
       "cannot be imported.",
       "pass on torch itself (its out)", rule_dev_output},
      {"embedded-torch", Severity::error,
       "The companion is built with another torch than the one that is installed beside it. Two "
       "libtorch in one process crash.",
       "take the torch of the recipe that is installed", rule_embedded_torch},
      {"companion-gpus", Severity::warning,
       "torchvision and torchaudio read torch.cudaCapabilities, which nixpkgs computes from its "
       "configuration: "
       "torch's gpuTargets does not narrow them.",
       "set config.cudaCapabilities too", rule_companion_gpus},
      {"companion-config", Severity::error,
       "The other dependencies of a companion follow config.cudaCapabilities: if it is not set, they "
       "are built for every GPU that nixpkgs lists.",
       write_anew, rule_companion_config},
      {"companion-torch", Severity::error,
       "A companion follows one variant of PyTorch and must be built with exactly that: two libtorch in one "
       "process crash.",
       write_anew, rule_companion_torch},
      {"companion-version", Severity::error,
       "torchvision and torchaudio are made for one release of PyTorch each; another one does not load or "
       "does "
       "not compile.",
       write_anew, rule_companion_version},
  };
  return table;
}

}  // namespace lathe
