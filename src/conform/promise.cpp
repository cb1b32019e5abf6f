// SPDX-License-Identifier: MIT
#include "conform/promise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "hardware/nixpkgs.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

using Texts = std::vector<std::string>;

bool has(const Texts& all, std::string_view one) { return std::ranges::find(all, one) != all.end(); }

// "cuda13.0-cuda_nvcc-13.0.48": "13.0" and "cuda_nvcc-13.0.48". nixpkgs names each package of a CUDA set so.
struct CudaPackage {
  std::string release;
  std::string_view rest;
};
std::optional<CudaPackage> cuda_package(std::string_view name) {
  if (!name.starts_with("cuda")) return std::nullopt;
  const std::size_t dash = name.find('-');
  const std::string_view release = name.substr(4, dash == std::string_view::npos ? dash : dash - 4);
  const bool numbers = !release.empty() &&
                       release.find_first_not_of("0123456789.") == std::string_view::npos &&
                       release.find('.') != std::string_view::npos;
  if (dash == std::string_view::npos || !numbers) return std::nullopt;
  return CudaPackage{.release = std::string(release), .rest = name.substr(dash + 1)};
}

// "python3.13-triton-3.5.1": "3.13" and "triton-3.5.1".
struct PythonPackage {
  std::string version;
  std::string_view rest;
};
std::optional<PythonPackage> python_package(std::string_view name) {
  const std::size_t dash = name.find('-');
  if (!name.starts_with("python") || dash == std::string_view::npos) return std::nullopt;
  const std::string_view version = name.substr(6, dash - 6);
  if (version.find('.') == std::string_view::npos ||
      version.find_first_not_of("0123456789.") != std::string_view::npos)
    return std::nullopt;
  return PythonPackage{.version = std::string(version), .rest = name.substr(dash + 1)};
}

// The name within its set: "triton-3.5.1".
std::string_view without_set(std::string_view name) {
  if (const auto cuda = cuda_package(name)) return cuda->rest;
  const auto python = python_package(name);
  return python ? python->rest : name;
}

// "magma-cuda-static-2.9.0" -> "2.9.0": from the first "-DIGIT" on.
std::string version_in(std::string_view name) {
  for (std::size_t at = 0; at + 1 < name.size(); ++at) {
    if (name[at] == '-' && is_digit(name[at + 1])) return std::string(name.substr(at + 1));
  }
  return "";
}

constexpr std::string_view known_parts[] = {"magma",      "nccl",       "cudnn", "triton",
                                            "mkl",        "openblas",   "blas",  "libcusparse_lt",
                                            "cusparselt", "libnvshmem", "torch", "python3"};

Texts cuda_releases(const Derivation& derivation) {
  std::set<std::string> releases;
  for (const auto& [path, outputs] : derivation.inputs) {
    if (const auto package = cuda_package(store_name(path))) releases.insert(package->release);
  }
  return {releases.begin(), releases.end()};
}

bool is_magma(std::string_view name) { return name.starts_with("magma-"); }

// "torchlathe carve /nix/store/... --gpu 9.0,8.6 --output ..."
Texts carved_gpus(std::string_view command) {
  const std::size_t carve = command.find("torchlathe carve ");
  const std::size_t option = carve == std::string_view::npos ? carve : command.find("--gpu ", carve);
  if (option == std::string_view::npos) return {};
  const std::string_view value =
      command.substr(option + 6, command.find_first_of(" \n", option + 6) - option - 6);
  Texts gpus;
  for (const std::string_view gpu : split(value, ',')) gpus.emplace_back(gpu);
  return gpus;
}

Texts words_of(const std::string& text) {
  Texts all;
  for (const std::string_view word : words(text)) all.emplace_back(word);
  return all;
}

class Comparison {
 public:
  Comparison(const Variant& variant, const Expected& expected, const SeenRecipe& seen, const Survey& survey)
      : variant_(variant), expected_(expected), seen_(seen), survey_(survey) {}

  Findings run() {
    same("pname", variant_.pname, seen_.pname);
    same("system", system_of(variant_.cell->isa->machine), seen_.system);
    same("Python", variant_.python, seen_.python);
    gpus();
    if (!expected_.base.empty()) base();
    else built();
    outputs();
    return std::move(findings_);
  }

 private:
  void differs(std::string what) {
    findings_.add({.rule = "derivation-differs",
                   .severity = Severity::error,
                   .where = where(),
                   .what = std::move(what),
                   .fix = {}});
  }
  void lacks(std::string what, Severity severity) {
    findings_.add({.rule = "derivation-lacks",
                   .severity = severity,
                   .where = where(),
                   .what = std::move(what),
                   .fix = {}});
  }
  Place where() const { return {.file = variant_.file()}; }

  void same(std::string_view what, std::string_view promised, std::string_view got) {
    if (promised == got) return;
    differs(
        fmt::format("{} is {}, the variant promises {}", what, got.empty() ? "not there" : got, promised));
  }

  void gpus() {
    if (!variant_.is_gpu()) {
      if (!seen_.cuda.empty())
        differs(fmt::format("a build for CPUs has CUDA {} among its inputs", listed(seen_.cuda)));
      return;
    }
    same("the list of GPUs", fmt::format("{}", fmt::join(variant_.arch_list(), ";")),
         fmt::format("{}", fmt::join(seen_.gpus, ";")));
  }

  void base() {
    if (!seen_.carved) differs("is built, and was to be cut out of " + expected_.base);
    else if (!has_input(expected_.base)) differs(fmt::format("is not cut out of {}", expected_.base));
  }

  void built() {
    if (variant_.is_gpu()) cuda();
    for (const std::string& flag : variant_.cpu_flags()) {
      if (!has(seen_.cpu_flags, flag)) lacks(fmt::format("CXXFLAGS have no {}", flag), Severity::error);
    }
    const bool checked =
        survey_.columns.contains("metadata_check") && has(survey_.columns.at("metadata_check"), "true");
    if (checked && seen_.metadata_check)
      differs("this nixpkgs looks the package up under its pname when all is built, and does not find it");
    if (!variant_.companion) torch();
    else if (!has_input(expected_.torch)) differs(fmt::format("is not built with {}", expected_.torch));
  }

  void cuda() {
    const std::string& promised = variant_.cell->cuda->text();
    if (seen_.cuda.empty()) differs("there is no CUDA package among its inputs: a build for CPUs");
    else if (seen_.cuda != Texts{promised})
      differs(fmt::format("CUDA packages of {} are among its inputs, the variant promises {}",
                          listed(seen_.cuda), promised));
    if (!seen_.magma_cuda.empty() && seen_.magma_cuda != Texts{promised})
      differs(fmt::format("MAGMA is built with CUDA {}, the variant promises {}", listed(seen_.magma_cuda),
                          promised));
    if (variant_.companion) return;
    for (const char* part : {"magma", "nccl"}) {
      if (!seen_.parts.contains(part))
        lacks(fmt::format("{} is not among its inputs", part), Severity::warning);
    }
  }

  void torch() {
    same("the release that it is built as", variant_.pytorch->version, seen_.build_version);
    if (!seen_.version.empty()) same("version", variant_.pytorch->version, seen_.version);
    patches("torch_patches");
    if (variant_.is_gpu()) patches("torch_cuda_patches");
  }

  void patches(const std::string& column) {
    const auto found = survey_.columns.find(column);
    if (found == survey_.columns.end()) return;
    for (const std::string& name : found->second) {
      const auto& known = nixpkgs_tables().patches;
      const auto row = std::ranges::find(known, name, &TorchPatch::name);
      const bool wanted = row == known.end() || row->is_for(variant_.pytorch->version);
      if (wanted && !has(seen_.patches, name))
        lacks(fmt::format("nixpkgs' patch {} is dropped", name), Severity::error);
      if (!wanted && has(seen_.patches, name))
        differs(fmt::format("nixpkgs' patch {} is not for PyTorch {}", name, variant_.pytorch->version));
    }
  }

  void outputs() {
    if (variant_.companion) return;
    for (const std::string& output : survey_.torch_outputs) {
      const bool wanted = !(seen_.carved && output == "dist");
      if (wanted && !has(seen_.outputs, output))
        lacks(fmt::format("has no output {}, nixpkgs' torch has", output), Severity::error);
      if (!wanted && has(seen_.outputs, output))
        differs(fmt::format("has the output {}, with the wheel that was not carved", output));
    }
  }

  // Names hold what stands in for the pname, and a version.
  bool has_input(const std::string& pname) const {
    return std::ranges::any_of(
        seen_.inputs, [&](const std::string& name) { return name.find(pname + "-") != std::string::npos; });
  }

  const Variant& variant_;
  const Expected& expected_;
  const SeenRecipe& seen_;
  const Survey& survey_;
  Findings findings_;
};

}  // namespace

std::vector<std::string> inputs_to_read(const Derivation& derivation) {
  std::vector<std::string> paths;
  for (const auto& [path, outputs] : derivation.inputs) {
    if (is_magma(store_name(path))) paths.push_back(path);
  }
  return paths;
}

SeenRecipe see_recipe(const Derivation& derivation, const std::map<std::string, Derivation>& of_input) {
  ShellVariables variables;
  for (const char* phase : {"preConfigure", "preBuild"})
    apply_assignments(derivation.variable(phase), variables);
  const auto exported = [&](const std::string& name) {
    const auto found = variables.find(name);
    return found != variables.end() ? found->second : derivation.variable(name);
  };
  SeenRecipe seen{.name = derivation.variable("name"),
                  .pname = derivation.variable("pname"),
                  .version = derivation.variable("version"),
                  .build_version = exported("PYTORCH_BUILD_VERSION"),
                  .system = derivation.system,
                  .cuda = cuda_releases(derivation),
                  .cpu_flags = flag_words(exported("CXXFLAGS")),
                  .metadata_check = derivation.variable("dontCheckPythonMetadata").empty()};
  if (const auto python = python_package(seen.name)) seen.python = python->version;
  for (const auto& [output, path] : derivation.outputs) seen.outputs.push_back(output);
  for (const std::string& patch : words_of(derivation.variable("patches")))
    seen.patches.emplace_back(store_name(patch));
  seen.gpus = carved_gpus(derivation.variable("buildCommand"));
  seen.carved = !seen.gpus.empty();
  if (!seen.carved) {
    const std::string list = exported("TORCH_CUDA_ARCH_LIST");
    for (const std::string_view gpu : split(list, ';')) {
      if (!gpu.empty()) seen.gpus.emplace_back(gpu);
    }
  }
  for (const auto& [path, outputs] : derivation.inputs) {
    const std::string_view name = store_name(path);
    seen.inputs.emplace_back(name);
    const std::string_view plain = without_set(name);
    for (const std::string_view part : known_parts) {
      const bool is_part = plain.starts_with(part) && plain.size() > part.size() && plain[part.size()] == '-';
      if (is_part) seen.parts.emplace(part, version_in(plain));
    }
    const auto inner = of_input.find(path);
    if (inner != of_input.end() && is_magma(name)) seen.magma_cuda = cuda_releases(inner->second);
  }
  return seen;
}

Findings compare_promise(const Variant& variant, const Expected& expected, const SeenRecipe& seen,
                         const Survey& survey) {
  return Comparison(variant, expected, seen, survey).run();
}

}  // namespace lathe
