// SPDX-License-Identifier: MIT
// What is built, from which nixpkgs, for which CPU; and the looking up of all holes.
#include "recipe/holes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "matrix/axis_table.h"
#include "matrix/extra.h"
#include "matrix/variant.h"
#include "recipe/description.h"
#include "recipe/nix_words.h"
#include "recipe/render.h"
#include "recipe/template.h"

namespace lathe {
namespace {

// nixpkgs' patches that are there for the release that it ships, and not for the one that is built.
std::vector<std::string> stale_patches(const Variant& variant) {
  std::vector<std::string> names;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (variant.nixpkgs->facts->has_patch(patch.name) && !patch.is_for(variant.pytorch->version))
      names.push_back(patch.name);
  }
  return names;
}

std::string overlays(const RecipeOf& of) {
  const Variant& variant = of.variant;
  std::string text;
  const auto add = [&](std::string_view name) { text += fill_template(name, of); };
  if (variant.is_gpu())
    add(takes_cuda_packages(of.spec, variant) ? "overlay_cuda_packages.nix.in" : "overlay_cuda.nix.in");
  if (variant.companion) return text;  // PyTorch and what it needs come from its own recipe
  if (variant.is_gpu() && magma_fix(*variant.cell->cuda) && !variant.nixpkgs->magma_cuda13)
    add("overlay_magma.nix.in");
  if (upgrades_torch(variant)) add("overlay_torch.nix.in");
  if (variant.is_gpu() && triton_of(variant)) add("overlay_triton.nix.in");
  const Extra& extra = variant.settings->extra;
  if (!extra.cuda.empty() && variant.is_gpu()) add("overlay_extra_cuda.nix.in");
  if (!extra.packages.empty()) add("overlay_extra_packages.nix.in");
  if (!extra.python.empty()) add("overlay_extra_python.nix.in");
  return text;
}

// PyTorch's own switches, off where a library of it needs more than the CPU or the GPU has.
std::string switches(const Variant& variant) {
  std::string text;
  for (const std::string& name : variant.cell->isa->without) text += fmt::format("export {}=0\n", name);
  if (!variant.cell->isa->without.empty())
    text = fmt::format("# {}\n", variant.cell->isa->pytorch_note) + text;
  const bool no_cudnn = std::ranges::any_of(variant.cell->gpus, [](Capability gpu) {
    const CapabilityRow* row = catalog().find(gpu);
    return row && !row->cudnn;
  });
  if (no_cudnn) text += "# Today's cuDNN has no code for this GPU.\nexport USE_CUDNN=0\n";
  return text;
}

std::string limits(const Settings& settings) {
  std::string text;
  if (settings.jobs > 0) {
    text +=
        fmt::format("export MAX_JOBS=$((NIX_BUILD_CORES < {0} ? NIX_BUILD_CORES : {0}))\n", settings.jobs);
  }
  if (settings.memory_per_job_gib > 0) {
    text += fmt::format(
        "# One compile job for each {0} GiB of memory that is free now.\n"
        "free_jobs=$(awk '/^MemAvailable:/ {{ print int($2 / 1048576 / {0}) }}' /proc/meminfo)\n"
        "export MAX_JOBS=$((MAX_JOBS < free_jobs ? MAX_JOBS : free_jobs > 0 ? free_jobs : 1))\n",
        settings.memory_per_job_gib);
  }
  return text;
}

// ccache in front of the compilers. nvcc's own flags are the same for every instruction set: what it made
// serves them all.
std::string compile_cache(const RecipeOf& of) {
  const bool used = !of.variant.settings->compile_cache.empty();
  return used ? fill_template("compile_cache.nix.in", of) : "";
}

// A revision that is the release's own tag follows the version.
std::string rev_of(const std::string& rev, const std::string& version) {
  return rev == "v" + version ? "v${version}" : nix_text(rev);
}

std::string sha256_line(const std::optional<std::string>& sha256) {
  return sha256 ? fmt::format("sha256 = \"{}\";", *sha256) : "";
}

std::string assumption(const Nixpkgs& nixpkgs) {
  return nixpkgs.assumed ? fmt::format("# This revision is {}.", nixpkgs.assumption()) : "";
}

// Of the source that a recipe fetches: a companion's own, or PyTorch's.
template <typename Member>
const auto& of_source(const RecipeOf& of, Member of_companion, const std::string PytorchSource::*of_torch) {
  return of.variant.companion ? (*of.variant.companion).*of_companion : (*of.variant.pytorch).*of_torch;
}

constexpr Hole rows[] = {
    {"matrix", [](const RecipeOf& of) { return of.spec.name; }},
    {"checksum", [](const RecipeOf&) { return std::string(seal_length, '0'); }},
    {"about", [](const RecipeOf& of) { return wrapped(facts(of.variant), "# "); }},
    {"name", [](const RecipeOf& of) { return of.variant.name; }},
    {"pname", [](const RecipeOf& of) { return of.variant.pname; }},
    {"description", [](const RecipeOf& of) { return nix_text(title(of.variant)); }},
    {"long_description", [](const RecipeOf& of) { return indented_string(wrapped(facts(of.variant), "")); }},
    {"nixpkgs_assumed", [](const RecipeOf& of) { return assumption(*of.variant.nixpkgs); }},
    {"nixpkgs_url", [](const RecipeOf& of) { return of.variant.nixpkgs->url(); }},
    {"nixpkgs_sha256", [](const RecipeOf& of) { return sha256_line(of.variant.nixpkgs->sha256); }},
    {"system", [](const RecipeOf& of) { return std::string(system_of(of.variant.cell->isa->machine)); }},
    {"isa", [](const RecipeOf& of) { return of.variant.cell->isa->name; }},
    {"words",
     [](const RecipeOf& of) {
       std::string text;
       for_each_word(*of.variant.cell, [&](const Axis& axis, const std::string& word) {
         text += fmt::format("{} = \"{}\";\n", axis.word, word);
       });
       return text;
     }},
    {"cpu_flags", [](const RecipeOf& of) { return nix_texts(of.variant.cpu_flags(), "\n"); }},
    {"python", [](const RecipeOf& of) { return of.variant.python; }},
    {"python_digits", [](const RecipeOf& of) { return digits_of(of.variant.python); }},
    {"pytorch", [](const RecipeOf& of) { return of.variant.pytorch->version; }},
    {"owner",
     [](const RecipeOf& of) {
       return nix_text(of_source(of, &CompanionSource::owner, &PytorchSource::owner));
     }},
    {"repo",
     [](const RecipeOf& of) {
       return nix_text(of_source(of, &CompanionSource::repo, &PytorchSource::repo));
     }},
    {"rev",
     [](const RecipeOf& of) {
       return rev_of(of_source(of, &CompanionSource::rev, &PytorchSource::rev),
                     of_source(of, &CompanionSource::version, &PytorchSource::version));
     }},
    {"hash", [](const RecipeOf& of) { return of_source(of, &CompanionSource::hash, &PytorchSource::hash); }},
    {"stale_patches",
     [](const RecipeOf& of) {
       return stale_patches(of.variant).empty() ? "" : fill_template("stale_patches.nix.in", of);
     }},
    {"stale_patch_names", [](const RecipeOf& of) { return nix_texts(stale_patches(of.variant)); }},
    {"arch_patch",
     [](const RecipeOf& of) {
       return of.variant.pytorch->arch_patch.empty() ? "" : fill_template("arch_patch.nix.in", of);
     }},
    {"arch_patch_text", [](const RecipeOf& of) { return indented_string(of.variant.pytorch->arch_patch); }},
    {"overlays", overlays},
    {"switches", [](const RecipeOf& of) { return switches(of.variant); }},
    {"pre_build",
     [](const RecipeOf& of) {
       return limits(*of.variant.settings).empty() ? "" : fill_template("pre_build.nix.in", of);
     }},
    {"limits", [](const RecipeOf& of) { return limits(*of.variant.settings); }},
    {"compile_cache_export", compile_cache},
    {"compile_cache", [](const RecipeOf& of) { return of.variant.settings->compile_cache; }},
    {"promise_passthru",
     [](const RecipeOf& of) {
       return fill_template(of.variant.is_gpu() ? "promise_passthru.nix.in" : "promise_passthru_cpu.nix.in",
                            of);
     }},
    {"promise_meta", [](const RecipeOf& of) { return fill_template("promise_meta.nix.in", of); }},
    {"carved_from", [](const RecipeOf& of) { return of.variant.carved_from; }},
    {"carver_url", [](const RecipeOf& of) { return of.spec.carver->url; }},
    {"carver_sha256", [](const RecipeOf& of) { return sha256_line(of.spec.carver->sha256); }},
    {"refuse",
     [](const RecipeOf& of) {
       const std::string& why = of.variant.cell->not_served;
       return why.empty() ? "" : fmt::format("refuse = \"{}\";", nix_text(why));
     }},
};

const Hole* find_hole(std::string_view name) {
  static const std::vector<Hole> sorted = [] {
    std::vector<Hole> all = holes();
    std::ranges::sort(all, {}, &Hole::name);
    return all;
  }();
  const auto found = std::ranges::lower_bound(sorted, name, {}, &Hole::name);
  return found == sorted.end() || found->name != name ? nullptr : &*found;
}

}  // namespace

std::span<const Hole> build_holes() { return rows; }

std::vector<Hole> holes() {
  std::vector<Hole> all;
  for (const auto& some : {build_holes(), cuda_holes(), extra_holes(), companion_holes()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

std::string fill_template(std::string_view name, const RecipeOf& of) {
  return fill_with(recipe_template(name), [&](std::string_view hole) {
    const Hole* row = find_hole(hole);
    if (!row)
      throw Error({.what = fmt::format("{} has the hole @{}@, which no row fills", name, hole),
                   .kind = ErrorKind::fault});
    return row->text(of);
  });
}

bool upgrades_torch(const Variant& variant) { return variant.nixpkgs->torch != variant.pytorch->version; }

}  // namespace lathe
