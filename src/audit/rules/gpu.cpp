// SPDX-License-Identifier: MIT
// For which GPUs a recipe builds, and whether such a build can be made and can run anywhere.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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
#include "hardware/compat.h"
#include "hardware/nixpkgs.h"
#include "hardware/nixpkgs_columns.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {
namespace {

// PyTorch reads the list that the phases leave behind, whoever wrote it.
std::vector<std::string> arch_list(const RecordedPackage& torch) {
  const auto variable = torch.environment.find("TORCH_CUDA_ARCH_LIST");
  if (variable == torch.environment.end() || variable->second.empty()) return torch.gpu_targets;
  std::vector<std::string> list;
  std::string text = replace_all(variable->second, " ", ";");
  for (const std::string_view word : split(text, ';')) {
    if (!trim(word).empty()) list.emplace_back(trim(word));
  }
  return list;
}

std::vector<std::string> promised_list(const Case& recipe) {
  if (recipe.want) return recipe.want->arch_list();
  std::vector<std::string> list;
  for (const Capability gpu : recipe.promise->gpus) list.push_back(spell(gpu, Dialect::dotted));
  return list;
}

const RecordedPackage* gpu_torch(const Case& recipe) {
  const RecordedPackage* torch = recipe.torch();
  return torch && recipe.promise && recipe.promise->is_gpu() && torch->cuda_support.value_or(false) ? torch
                                                                                                    : nullptr;
}

// Suffixes that this tree's own parser takes: as the matrix says, as its patch makes it, or as its release
// is known for.
std::string suffixes_of(const Case& recipe, const RecordedPackage& torch) {
  if (recipe.want && recipe.want->pytorch->suffixes) return *recipe.want->pytorch->suffixes;
  const bool patched = std::ranges::any_of(torch.patches, [](const RecordedPatch& patch) {
    return patch.name.find("select_compute_arch") != std::string::npos;
  });
  if (patched) return "af";
  const PytorchRelease* row = catalog().find_pytorch(torch.version);
  return row ? row->suffixes : "a";
}

// "" when PyTorch's CMake takes it: digits, a dot, a digit, perhaps one of `suffixes`, perhaps +PTX.
std::string why_refused(const std::string& target, const std::string& suffixes) {
  const auto spelled = parse_capability(target);
  if (!spelled) return fmt::format("\"{}\" is not a compute capability", printable(target));
  if (spelled->dialect != Dialect::dotted) {
    return fmt::format("\"{}\" is the {} dialect: PyTorch's CMake calls it an unknown CUDA architecture name",
                       target, to_string(spelled->dialect));
  }
  if (spelled->capability.suffix == 'f' && suffixes.find('f') == std::string::npos)
    return fmt::format("PyTorch's CMake does not know the family suffix of \"{}\"", target);
  return "";
}

void rule_gpu_dialect(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch) return;
  for (const std::string& target : arch_list(*torch)) {
    const std::string why = why_refused(target, suffixes_of(recipe, *torch));
    if (why.empty()) continue;
    const auto spelled = parse_capability(target);
    report.add(recipe.at("override.gpuTargets"), why,
               spelled ? fmt::format("write \"{}\"", spell(spelled->capability, Dialect::dotted)) : "");
  }
}

void rule_gpu_targets(const Case& recipe, Report& report) {
  const RecordedPackage* torch = gpu_torch(recipe);
  if (!torch) return;
  std::vector<std::string> got = arch_list(*torch), want = promised_list(recipe);
  const std::vector<std::string> shown = got;
  std::ranges::sort(got);
  std::ranges::sort(want);
  const std::string suffixes = suffixes_of(recipe, *torch);
  if (got == want ||
      std::ranges::any_of(got, [&](const std::string& t) { return !why_refused(t, suffixes).empty(); }))
    return;
  report.add(recipe.at("override.gpuTargets"),
             fmt::format("builds for {}, its name says {}",
                         shown.empty() ? "whatever nixpkgs takes" : fmt::format("{}", fmt::join(shown, ", ")),
                         fmt::join(want, ", ")));
}

void rule_impossible_pair(const Case& recipe, Report& report) {
  if (recipe.want || !recipe.promise || !recipe.promise->isa) return;  // a wanted one is the matrix' decision
  for (const Capability gpu : recipe.promise->gpus) {
    const PairVerdict verdict = judge_pair(gpu, *recipe.promise->isa);
    if (verdict.status == PairStatus::impossible) report.add(recipe.whole(), verdict.reason);
  }
}

void rule_impossible_wanted(const Case& recipe, Report& report) {
  if (recipe.want && recipe.want->cell->status == PairStatus::impossible)
    report.add(recipe.whole(), recipe.want->cell->reason);
}

void rule_redundant_pair(const Case& recipe, Report& report) {
  if (recipe.want && recipe.want->cell->status == PairStatus::redundant)
    report.add(recipe.whole(), recipe.want->cell->reason);
}

// What CUDA the recipe really builds with decides; its name only where that is not known.
void rule_toolkit_range(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch || !recipe.promise || !recipe.promise->is_gpu()) return;
  auto cuda = torch->cuda ? Version::parse(torch->cuda->version) : std::nullopt;
  if (!cuda) cuda = recipe.promise->cuda;
  std::vector<std::string> said;
  for (const std::string& target : arch_list(*torch)) {
    const auto spelled = parse_capability(target);
    if (!spelled) continue;
    const std::string why = why_not_compilable(spelled->capability, *cuda);
    if (!why.empty() && std::ranges::find(said, why) == said.end()) said.push_back(why);
  }
  for (const std::string& why : said) report.add(recipe.at("override.gpuTargets"), why);
}

void rule_cudnn(const Case& recipe, Report& report) {
  const RecordedPackage* torch = gpu_torch(recipe);
  if (!torch) return;
  const auto setting = torch->environment.find("USE_CUDNN");
  if (setting != torch->environment.end() && setting->second == "0") return;
  for (const Capability gpu : recipe.promise->gpus) {
    const CapabilityRow* row = catalog().find(gpu);
    if (row && !row->cudnn) {
      report.add(recipe.at("preConfigure"),
                 fmt::format("today's cuDNN has no code for {}", spell(gpu, Dialect::dotted)));
    }
  }
}

// Must MAGMA and NCCL be told, because the matrix says so or nixpkgs builds them for other GPUs?
bool names_gpus_for_all(const Case& recipe) {
  if (!recipe.want || !recipe.promise->is_gpu()) return false;
  const Variant& want = *recipe.want;
  const auto refused = [&](Capability gpu) { return is_refused_by_config(gpu, want.cell->isa->machine); };
  const auto lacks = [&](Capability gpu) { return !is_built_by_default(gpu, *recipe.promise->cuda); };
  if (std::ranges::any_of(want.cell->gpus, refused)) return false;
  return want.settings->narrow == Settings::Narrow::closure || std::ranges::any_of(want.cell->gpus, lacks);
}

void rule_config_capabilities(const Case& recipe, Report& report) {
  const RecordedPackage* torch = gpu_torch(recipe);
  if (!torch || !recipe.got.pin()) return;
  // the uncarved was configured, for all GPUs
  if (recipe.want && recipe.want->companion && !recipe.want->carved_from.empty()) return;
  std::vector<std::string> got = recipe.got.pin()->config_texts("cudaCapabilities"), want;
  if (got.empty() && !names_gpus_for_all(recipe)) return;
  for (const Capability gpu : recipe.promise->gpus) want.push_back(spell(gpu, Dialect::dotted));
  std::ranges::sort(got);
  std::ranges::sort(want);
  if (got != want) {
    report.add(recipe.got.pin()->where,
               fmt::format("config.cudaCapabilities is {}, it should be {}",
                           got.empty() ? "not set" : fmt::format("{}", fmt::join(got, ", ")),
                           fmt::join(want, ", ")));
  }
}

}  // namespace

std::span<const Rule> gpu_rules() {
  static constexpr Rule table[] = {
      {"gpu-dialect", Severity::error,
       "nixpkgs passes gpuTargets on unchecked as TORCH_CUDA_ARCH_LIST. PyTorch's CMake takes \"9.0\", "
       "\"9.0a\" "
       "and \"9.0+PTX\", and stops at \"sm_90\", \"90\" and \"compute_90\" as unknown architecture names, "
       "minutes into the build.",
       "write the compute capability with a dot", rule_gpu_dialect},
      {"gpu-targets", Severity::error,
       "The recipe builds for GPUs other than those in its name. On the named GPU PyTorch will say that no "
       "kernel image is available, or the build takes hours too long.",
       write_anew, rule_gpu_targets},
      {"impossible-pair", Severity::error,
       "No machine has this GPU together with a CPU of this instruction set: Jetson, Thor and GB10 sit on "
       "Arm "
       "chips. Such a build can run nowhere.",
       "delete it", rule_impossible_pair},
      {"impossible-wanted", Severity::warning,
       "The matrix asks for a build that can run nowhere: no machine has this GPU together with a CPU of "
       "this "
       "instruction set, or the toolkit cannot compile for it.",
       "drop = [\"impossible\"] under [matrix]", rule_impossible_wanted},
      {"redundant-pair", Severity::note,
       "It runs, but every machine with this GPU has a better instruction set, so another variant serves it "
       "better.",
       "drop = [\"impossible\", \"redundant\"] under [matrix]", rule_redundant_pair},
      {"toolkit-range", Severity::error,
       "This CUDA release cannot compile for this GPU: it is older than the GPU or has dropped it. nvcc "
       "stops "
       "with \"Unsupported gpu architecture\".",
       "choose a CUDA release that knows the GPU: torchlathe catalog capabilities", rule_toolkit_range},
      {"cudnn", Severity::error,
       "Since 9.11 cuDNN has no code for GPUs below compute capability 7.5. Convolutions fail there unless "
       "PyTorch is built without cuDNN.",
       "export USE_CUDNN=0 in preConfigure", rule_cudnn},
      {"config-capabilities", Severity::error,
       "config.cudaCapabilities decides for which GPUs MAGMA, NCCL and the companions are built; "
       "torch's gpuTargets does not reach them. Here it differs from the GPUs of the recipe.",
       write_anew, rule_config_capabilities},
  };
  return table;
}

}  // namespace lathe
