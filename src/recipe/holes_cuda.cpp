// SPDX-License-Identifier: MIT
// Holes of recipes with a GPU: capabilities, CUDA's release and packages, MAGMA, triton, CCCL.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "hardware/nixpkgs_columns.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "recipe/holes.h"
#include "recipe/nix_words.h"

namespace lathe {
namespace {

// Where PyTorch's CUTLASS includes <cccl/...> and this nixpkgs' CCCL has no such folder.
bool needs_cccl_links(const Variant& variant) {
  const TorchNeeds* needs = torch_needs(variant.pytorch->version);
  // The links look for themselves whether they are needed: where the nixpkgs is not known, they cost nothing.
  const bool there = variant.nixpkgs->facts->cccl_folder && !variant.nixpkgs->assumed;
  return needs && needs->cccl_cuda && *variant.cell->cuda >= *needs->cccl_cuda && !there;
}

// Has CUDA packages of its own for these Jetsons, which nixpkgs takes only where its configuration names
// them?
bool takes_jetson_packages(const Variant& variant) {
  return variant.cell->isa->machine == Machine::aarch64 &&
         std::ranges::any_of(variant.cell->gpus,
                             [&](Capability gpu) { return has_jetson_packages(gpu, *variant.cell->cuda); });
}

bool has_gpu_beside_default(const Variant& variant) {
  return std::ranges::any_of(variant.cell->gpus,
                             [&](Capability gpu) { return !is_built_by_default(gpu, *variant.cell->cuda); });
}

std::string config_capabilities(const Variant& variant, const std::string& capabilities) {
  if (takes_jetson_packages(variant)) {
    return fmt::format(
        "# By this nixpkgs knows a Jetson: other Arm machines have other CUDA packages.\ncudaCapabilities = "
        "[ {} ];",
        capabilities);
  }
  if (!config_takes(variant)) return "";
  if (has_gpu_beside_default(variant)) {
    return fmt::format(
        "# MAGMA and NCCL do not look at gpuTargets, and nixpkgs' default has no code for this.\n"
        "cudaCapabilities = [ {} ];",
        capabilities);
  }
  if (variant.settings->narrow != Settings::Narrow::closure) return "";
  return fmt::format(
      "# For MAGMA, NCCL and the companions too, which do not look at gpuTargets.\ncudaCapabilities = [ {} "
      "];",
      capabilities);
}

// nixpkgs' torch calls itself broken under a CUDA major release that it was not written for.
std::string config_broken(const Variant& variant) {
  const int major = variant.cell->cuda->parts.front();
  const auto& takes = variant.nixpkgs->facts->torch_cuda;
  const auto shipped = Version::parse(variant.nixpkgs->cuda);
  const bool taken = variant.nixpkgs->assumed
                         ? shipped && shipped->parts.front() == major
                         : std::ranges::find(takes, std::to_string(major)) != takes.end();
  if (taken) return "";
  return "# This nixpkgs calls torch broken under another CUDA major release; the overlays below mend it.\n"
         "allowBroken = true;";
}

std::vector<std::string> dotted_each(const std::vector<Capability>& gpus) {
  std::vector<std::string> all;
  for (const Capability gpu : gpus) all.push_back(spell(gpu, Dialect::dotted));
  return all;
}

std::string gpu_targets(const Variant& variant) {
  const bool plain = variant.cell->gpus.size() == 1 && !variant.settings->ptx;
  return plain ? "gpuArchSM" : nix_texts(variant.arch_list());
}

std::string gpu_arch(const Variant& variant) {
  // the recipe has a gpuArchNum
  const bool named = variant.cell->gpus.size() == 1 && (!variant.companion || !variant.carved_from.empty());
  return named ? "sm${gpuArchNum}" : variant.cell->gpu_text;
}

// Where CUDA's own packages come from, when not from nixpkgs.
bool fetches(const CudaPackages& packages) { return packages.from == CudaPackages::From::fetch; }

bool takes_fetched(const RecipeOf& of) {
  return takes_cuda_packages(of.spec, of.variant) && fetches(*of.spec.cuda_packages);
}

std::string cuda_packages_default(const CudaPackages& packages) {
  if (!packages.local.empty()) return fmt::format("/. + \"{}\"", nix_text(packages.local));
  return fmt::format("builtins.fetchTarball {{\n  url = \"{}\";\n{}}}", packages.url,
                     packages.sha256 ? fmt::format("  sha256 = \"{}\";\n", *packages.sha256) : "");
}

std::string cuda_packages_part(const RecipeOf& of, std::string_view name) {
  return takes_cuda_packages(of.spec, of.variant) ? fill_template(name, of) : "";
}

std::string cccl_part(const RecipeOf& of, std::string_view name) {
  return needs_cccl_links(of.variant) ? fill_template(name, of) : "";
}

const MagmaFix& magma(const RecipeOf& of) { return *magma_fix(*of.variant.cell->cuda); }
const TritonSource& triton(const RecipeOf& of) { return *triton_of(of.variant); }

constexpr Hole cuda_rows[] = {
    {"arch_dotted", [](const RecipeOf& of) { return spell(of.variant.cell->gpus.front(), Dialect::dotted); }},
    {"arch_num", [](const RecipeOf& of) { return spell(of.variant.cell->gpus.front(), Dialect::cmake); }},
    {"gpu_targets", [](const RecipeOf& of) { return gpu_targets(of.variant); }},
    {"gpu_arch", [](const RecipeOf& of) { return gpu_arch(of.variant); }},
    {"capabilities", [](const RecipeOf& of) { return nix_texts(dotted_each(of.variant.cell->gpus)); }},
    {"cuda", [](const RecipeOf& of) { return of.variant.cell->cuda->text(); }},
    {"cuda_attr", [](const RecipeOf& of) { return replace_all(of.variant.cell->cuda->text(), ".", "_"); }},
    {"driver",
     [](const RecipeOf& of) {
       const auto& driver = of.variant.cell->min_driver;
       return driver ? driver->text() : "";
     }},
    {"config_capabilities",
     [](const RecipeOf& of) {
       return config_capabilities(of.variant, nix_texts(dotted_each(of.variant.cell->gpus)));
     }},
    {"config_broken", [](const RecipeOf& of) { return config_broken(of.variant); }},
    {"cuda_compiler",
     [](const RecipeOf& of) {
       return std::string(of.variant.is_gpu() ? "${pkgs.cudaPackages.cuda_nvcc}" : "");
     }},
    {"cuda_launcher",
     [](const RecipeOf& of) {
       return std::string(
           of.variant.is_gpu() ? "export CMAKE_CUDA_COMPILER_LAUNCHER=\"$CMAKE_C_COMPILER_LAUNCHER\"" : "");
     }},
    {"cccl", [](const RecipeOf& of) { return of.variant.nixpkgs->facts->cccl; }},
    {"cccl_let", [](const RecipeOf& of) { return cccl_part(of, "cccl_let.nix.in"); }},
    {"cccl_export", [](const RecipeOf& of) { return cccl_part(of, "cccl_export.nix.in"); }},
    {"magma_patch", [](const RecipeOf& of) { return magma(of).name; }},
    {"magma_commit", [](const RecipeOf& of) { return magma(of).commit; }},
    {"magma_hash", [](const RecipeOf& of) { return magma(of).hash; }},
    {"magma_what", [](const RecipeOf& of) { return magma(of).what; }},
    {"triton", [](const RecipeOf& of) { return triton(of).release; }},
    {"triton_hash", [](const RecipeOf& of) { return triton(of).hash; }},
    {"triton_llvm", [](const RecipeOf& of) { return triton(of).llvm; }},
    {"triton_llvm_version", [](const RecipeOf& of) { return triton(of).llvm_version; }},
    {"triton_llvm_hash", [](const RecipeOf& of) { return triton(of).llvm_hash; }},
    {"triton_stale", [](const RecipeOf& of) { return nix_texts(triton(of).stale_patches); }},
    {"triton_link_file", [](const RecipeOf& of) { return triton(of).link_file; }},
    {"triton_link_text", [](const RecipeOf& of) { return triton(of).link_text; }},
    {"cuda_packages_from",
     [](const RecipeOf& of) {
       return std::string(takes_fetched(of) ? "a repository of their own" : "this folder");
     }},
    {"cuda_packages_folder",
     [](const RecipeOf& of) {
       return takes_fetched(of) ? fmt::format("cudaToolkitRepo + \"/{}\"", of.spec.cuda_packages->folder)
                                : "./.";
     }},
    {"cuda_packages_default",
     [](const RecipeOf& of) { return cuda_packages_default(*of.spec.cuda_packages); }},
    {"cuda_packages_argument",
     [](const RecipeOf& of) {
       return takes_fetched(of) ? fill_template("cuda_packages_argument.nix.in", of) : "";
     }},
    // to the recipes that this one imports
    {"cuda_packages_pass",
     [](const RecipeOf& of) { return std::string(takes_fetched(of) ? " cudaToolkitRepo" : ""); }},
    {"cuda_packages_let",
     [](const RecipeOf& of) { return cuda_packages_part(of, "cuda_packages_let.nix.in"); }},
    {"cuda_packages_export",
     [](const RecipeOf& of) { return cuda_packages_part(of, "cuda_packages_export.nix.in"); }},
};

}  // namespace

std::span<const Hole> cuda_holes() { return cuda_rows; }

const TritonSource* triton_of(const Variant& variant) {
  if (!upgrades_torch(variant) || variant.nixpkgs->assumed) return nullptr;
  return triton_instead(variant.pytorch->version, variant.nixpkgs->facts->triton);
}

bool config_takes(const Variant& variant) {
  return std::ranges::none_of(variant.cell->gpus, [&](Capability gpu) {
    return is_refused_by_config(gpu, variant.cell->isa->machine);
  });
}

bool takes_cuda_packages(const MatrixSpec& spec, const Variant& variant) {
  return spec.cuda_packages && variant.is_gpu() && variant.cell->cuda == spec.cuda_packages->cuda;
}

}  // namespace lathe
