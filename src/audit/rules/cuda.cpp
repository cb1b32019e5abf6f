// SPDX-License-Identifier: MIT
// Whether CUDA is on, which one it is, and what that release needs beside it: MAGMA's patch, CCCL's folder,
// a CMake module.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "nix/record.h"

namespace lathe {
namespace {

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

const RecordedPackage* cuda_torch(const Case& recipe) {
  const RecordedPackage* torch = recipe.torch();
  return torch && torch->cuda_support.value_or(false) ? torch : nullptr;
}

// What MAGMA needs with the CUDA that this is built with.
const MagmaFix* magma_fix_of(const RecordedPackage& torch) {
  const auto version = torch.cuda ? Version::parse(torch.cuda->version) : std::nullopt;
  return version ? magma_fix(*version) : nullptr;
}

auto is_fix(const MagmaFix& fix) {
  return [&fix](const RecordedPatch& patch) { return fix.is(patch.name, patch.url); };
}

// Does this line of shell put a file of that name anywhere: "... > cmake/Modules/FindCUDAToolkit.cmake", cp,
// ln?
bool puts_module(std::string_view line) {
  const std::size_t name = line.rfind("FindCUDAToolkit.cmake");
  if (name == std::string_view::npos) return false;
  const std::size_t into = line.rfind('>', name);
  if (into != std::string_view::npos && !has(trim(line.substr(into + 1, name - into - 1)), " ")) return true;
  return std::ranges::any_of(std::array{"cp ", "ln ", "mv ", "tee ", "install "},
                             [&](const char* verb) { return trim(line).starts_with(verb); });
}

// What the phases run, as one text.
std::string phases(const RecordedPackage& torch) {
  std::string text;
  for (const char* phase :
       {"postUnpack", "prePatch", "postPatch", "preConfigure", "preBuild", "postBuild", "preInstall"}) {
    text += torch.text_of(phase) + "\n";
  }
  return text;
}

void rule_cuda_off(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch || !recipe.promise || !recipe.promise->is_gpu()) return;
  if (!torch->cuda_support.value_or(false)) {
    report.add(recipe.at("pname"), "is named for a GPU but builds without CUDA");
  } else if (torch->variable("USE_CUDA") == "0") {
    report.add(recipe.at("preConfigure"), "turns CUDA off again with USE_CUDA=0");
  }
}

void rule_cuda_in_cpu(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch || !recipe.promise || recipe.promise->is_gpu()) return;
  if (torch->cuda_support.value_or(false)) {
    report.add(recipe.at("override.cudaSupport"), "is named for CPUs but builds with CUDA");
  } else if (recipe.got.pin() && recipe.got.pin()->config_flag("cudaSupport")) {
    report.add(recipe.got.pin()->where, "is named for CPUs and its nixpkgs is configured for CUDA");
  }
}

void rule_cuda_version(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !torch->cuda || !recipe.promise || !recipe.promise->is_gpu()) return;
  auto version = Version::parse(torch->cuda->version);
  if (!version || version->parts.size() < 2) return;
  version->parts.resize(2);
  if (*version != *recipe.promise->cuda) {
    report.add(recipe.whole(), fmt::format("builds with CUDA {} ({}), its name says {}", torch->cuda->version,
                                           torch->cuda->set, recipe.promise->cuda->text()));
  }
}

void rule_cuda_unknown(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !torch->cuda || !torch->cuda->version.empty() || !recipe.promise || !recipe.promise->is_gpu())
    return;
  report.add(recipe.whole(), fmt::format("builds with {}, whatever release that is; its name says {}",
                                         torch->cuda->set, recipe.promise->cuda->text()));
}

void rule_moving_alias(const Case& recipe, Report& report) {
  if (recipe.got.moving_aliases.empty()) return;
  report.add(recipe.whole(), fmt::format("uses {}, which means another release in another nixpkgs",
                                         fmt::join(recipe.got.moving_aliases, ", ")));
}

void rule_cuda_config(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  const RecordedNixpkgs* pin = recipe.got.pin();
  if (!torch || !pin) return;
  // What a function or a list allows is not known before Nix asks it.
  const bool allows = pin->config_flag("allowUnfree") || pin->config.find("allowUnfreePredicate") ||
                      pin->config.find("allowUnfreePackages");
  if (!allows)
    report.add(pin->where, "CUDA is unfree and config.allowUnfree is not set: Nix refuses to build it");
  if (torch->broken && !pin->config_flag("allowBroken")) {
    report.add(pin->where,
               "nixpkgs marks this torch broken with this CUDA and config.allowBroken is not set: Nix "
               "refuses to build it");
  }
}

void rule_magma_patch_missing(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  const RecordedNixpkgs* pin = recipe.got.pin();
  const MagmaFix* fix = torch ? magma_fix_of(*torch) : nullptr;
  if (!fix || !torch->magma || !pin || !pin->rev || !catalog().find_pin(*pin->rev)) return;
  if (std::ranges::none_of(torch->magma->patches, is_fix(*fix))) {
    report.add(recipe.whole(),
               fmt::format("MAGMA {}: it lacks {}, as this nixpkgs does", fix->what, fix->name));
  }
}

void rule_magma_patch_twice(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch || !torch->magma) return;
  const auto& patches = torch->magma->patches;
  for (const MagmaFix& fix : nixpkgs_tables().magma_fixes) {
    if (std::ranges::count_if(patches, is_fix(fix)) < 2) continue;
    report.add(recipe.whole(), fmt::format("adds MAGMA's {} fix, which is already applied: patch stops with "
                                           "\"reversed (or previously applied)\"",
                                           fix.mark));
  }
}

// The folders of which CUTLASS includes headers, where a script links some of them and not all.
std::vector<std::string_view> folders_left_out(std::string_view script) {
  const auto names = [&](std::string_view folder) {
    for (std::size_t at = script.find(folder); at != std::string_view::npos;
         at = script.find(folder, at + 1)) {
      const auto is_word = [&](std::size_t i) {
        return i < script.size() && (std::isalnum(static_cast<unsigned char>(script[i])) || script[i] == '_');
      };
      if (!is_word(at - 1) && !is_word(at + folder.size())) return true;
    }
    return false;
  };
  std::vector<std::string_view> lacking;
  static constexpr std::string_view folders[] = {"cuda", "cub", "thrust", "nv"};
  for (const std::string_view folder : folders) {
    if (!names(folder)) lacking.push_back(folder);
  }
  return lacking.size() >= 3 ? std::vector<std::string_view>{} : lacking;
}

// Some CUTLASS includes <cccl/...>, which not every nixpkgs' CCCL has.
void rule_cccl_links(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !recipe.is_torch()) return;
  const TorchNeeds* needs = torch_needs(torch->version);
  if (!needs || !needs->cccl_cuda) return;
  const auto cuda = torch->cuda ? Version::parse(torch->cuda->version) : std::nullopt;
  if (cuda && *cuda < *needs->cccl_cuda) return;
  if (recipe.nixpkgs() && recipe.nixpkgs()->cccl_folder) return;
  std::string text = phases(*torch) + torch->variable("CPATH") + torch->variable("CXXFLAGS") +
                     torch->variable("NIX_CFLAGS_COMPILE");
  for (const RecordedMade& made : recipe.got.made) {
    const auto lacking = has(made.text, "/cccl") && has(text, made.name) ? folders_left_out(made.text)
                                                                         : std::vector<std::string_view>{};
    if (!lacking.empty())
      report.add(recipe.whole(),
                 fmt::format("the include folder <cccl/...> has no {}", fmt::join(lacking, ", ")));
  }
  if (!has(text, "cccl"))
    report.add(recipe.whole(),
               fmt::format("nothing provides the include folder <cccl/...> that PyTorch {} asks for",
                           torch->version));
}

void rule_cccl_output(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !recipe.is_torch()) return;
  const auto dangling = [](std::string_view text) { return has(text, "cccl.dev>/include"); };
  const bool found =
      dangling(phases(*torch)) ||
      std::ranges::any_of(recipe.got.made, [&](const RecordedMade& made) { return dangling(made.text); });
  if (found) report.add(recipe.whole(), "links to the headers of CCCL in its output dev");
}

// CUDA's packages for Jetson end with a release, and are not taken together with those for other machines.
void rule_jetson_config(const Case& recipe, Report& report) {
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !torch->cuda || !recipe.promise || !recipe.got.pin()) return;
  const auto cuda = Version::parse(torch->cuda->version);
  for (const Capability gpu : recipe.promise->gpus) {
    if (!cuda || recipe.promise->isa == nullptr || recipe.promise->isa->machine != Machine::aarch64 ||
        !has_jetson_packages(gpu, *cuda))
      continue;
    const std::string name = spell(gpu, Dialect::dotted);
    const auto configured = recipe.got.pin()->config_texts("cudaCapabilities");
    if (std::ranges::find(configured, name) == configured.end()) {
      return report.add(
          recipe.got.pin()->where,
          fmt::format(
              "config.cudaCapabilities does not name {}, so CUDA's packages are those for Arm servers",
              name));
    }
  }
}

void rule_find_cuda_toolkit(const Case& recipe, Report& report) {
  constexpr std::string_view module = "cmake/Modules/FindCUDAToolkit.cmake";
  const RecordedPackage* torch = cuda_torch(recipe);
  if (!torch || !recipe.is_torch()) return;
  if (std::ranges::any_of(torch->patches,
                          [](const RecordedPatch& p) { return p.name == "fix-cmake-cuda-toolkit.patch"; }))
    return;
  std::string text = phases(*torch);
  const std::string removal = "rm " + std::string(module);
  const std::size_t removed = text.find(removal);
  if (removed == std::string::npos) return;
  const auto lines = split(std::string_view(text).substr(removed + removal.size()), '\n');
  if (std::ranges::none_of(lines, puts_module)) {
    report.add(
        recipe.at("patches"),
        "drops the patch that goes with removing FindCUDAToolkit.cmake: the install step will miss the file");
  }
}

}  // namespace

std::span<const Rule> cuda_rules() {
  static constexpr Rule table[] = {
      {"cuda-off", Severity::error,
       "nixpkgs builds torch without CUDA unless override gets cudaSupport = true or the configuration says "
       "so. overrideAttrs alone cannot turn it on: the result is a CPU build under a GPU's name.",
       "torch.override { cudaSupport = true; gpuTargets = [ ... ]; }", rule_cuda_off},
      {"cuda-in-cpu", Severity::error,
       "A CPU build that is configured for CUDA drags the whole toolkit in, or is a GPU build under a wrong "
       "name.",
       "set cudaSupport to false and remove the CUDA overlays", rule_cuda_in_cpu},
      {"cuda-version", Severity::error,
       "The CUDA that the recipe really builds with is not the one in its name: the overlay that chooses it "
       "is "
       "missing or another one. nixpkgs' own default is usually another release.",
       "overlay: cudaPackages = final.cudaPackages_13_0 (the one in the name)", rule_cuda_version},
      {"cuda-unknown", Severity::warning,
       "The catalogue does not say which CUDA this nixpkgs has by default, and the recipe takes the default.",
       "ask for the release by its name", rule_cuda_unknown},
      {"moving-alias", Severity::warning,
       "cudaPackages_13 is whatever 13.x a nixpkgs has newest: 13.0 in one revision, 13.2 in a later one. A "
       "name with cuda13_0 in it must say 13_0.",
       "write the full name: cudaPackages_13_0", rule_moving_alias},
      {"cuda-config", Severity::error,
       "Nix refuses unfree packages (all of CUDA) and packages that nixpkgs marks broken (torch with a CUDA "
       "major release that it was not written for) unless the configuration allows them.",
       "config: allowUnfree = true; allowBroken = true", rule_cuda_config},
      {"magma-patch-missing", Severity::error,
       "MAGMA reads cudaDeviceProp.clockRate, which CUDA 13 removed. Some revisions of nixpkgs have the fix, "
       "this one does not.",
       "an overlay that adds the patch to magma", rule_magma_patch_missing},
      {"magma-patch-twice", Severity::error,
       "This nixpkgs has MAGMA's CUDA 13 fix already. Adding it again stops the build: \"Reversed (or "
       "previously applied) patch detected\".",
       "remove the overlay", rule_magma_patch_twice},
      {"cccl-links", Severity::warning,
       "From 2.10 on PyTorch's CUTLASS includes <cccl/cuda/...> with CUDA 13; nixpkgs' toolkit has "
       "<cuda/...>. "
       "Without a folder of links the compiler does not find the headers.",
       "a folder cccl/ of links to cuda_cccl's include, on CPATH", rule_cccl_links},
      {"cccl-output", Severity::error,
       "Where CCCL has an output of its own for headers, its output dev has none: the links to them lead "
       "nowhere, and the compiler says that a header is missing, an hour into the build.",
       "pkgs.lib.getInclude pkgs.cudaPackages.cuda_cccl", rule_cccl_output},
      {"jetson-config", Severity::error,
       "nixpkgs takes CUDA's packages for Jetson only where config.cudaCapabilities names the Jetson, "
       "and nothing else beside it. Otherwise it takes those for Arm servers, which do not run there.",
       write_anew, rule_jetson_config},
      {"find-cuda-toolkit", Severity::error,
       "nixpkgs removes cmake/Modules/FindCUDAToolkit.cmake in postPatch and has a patch that takes its "
       "installation away. patches = [ ] drops the patch and not the removal, so the install step fails.",
       "put a stub of the file there", rule_find_cuda_toolkit},
  };
  return table;
}

}  // namespace lathe
