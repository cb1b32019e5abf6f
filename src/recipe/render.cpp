// SPDX-License-Identifier: MIT
#include "recipe/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "hardware/nixpkgs.h"
#include "matrix/nix_text.h"
#include "recipe/redist.h"
#include "recipe/template.h"

namespace lathe {
namespace {

// characters of base64url: 120 bits against slips, not against attackers
constexpr std::size_t checksum_length = seal_length;
constexpr std::string_view checksum_start = "(content ";

// Text inside a Nix "string".
std::string nix_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

// Text inside a Nix ''string''.
std::string indented_string(std::string_view text) {
  return replace_all(replace_all(std::string(text), "''", "'''"), "${", "''${");
}

// Each line behind `indent`.
std::string indented(std::string_view text, std::string_view indent) {
  std::string result;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) result.append(indent).append(line) += '\n';
  }
  return result;
}

std::string nix_texts(const std::vector<std::string>& items, std::string_view separator = " ") {
  std::string text;
  for (const std::string& item : items)
    fmt::format_to(std::back_inserter(text), "{}\"{}\"", text.empty() ? "" : separator, nix_text(item));
  return text;
}

std::string name_some(const std::vector<std::string>& names, std::size_t most) {
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more",
                     fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(most), ", "),
                     names.size() - most);
}

std::string dotted_list(const std::vector<Capability>& gpus) {
  std::vector<std::string> texts;
  for (const Capability gpu : gpus) texts.push_back(spell(gpu, Dialect::dotted));
  return fmt::format("{}", fmt::join(texts, ", "));
}

// "PyTorch 2.10.0", "torchvision 0.25.0 for PyTorch 2.10.0"
std::string software(const Variant& variant) {
  if (!variant.companion) return fmt::format("PyTorch {}", variant.pytorch->version);
  return fmt::format("{} {}for PyTorch {}", variant.package,
                     variant.companion->version.empty() ? "" : variant.companion->version + " ",
                     variant.pytorch->version);
}

std::string title(const Variant& variant) {
  const Cell& cell = *variant.cell;
  const std::string cpu = fmt::format("{} CPUs ({})", to_string(cell.isa->machine), cell.isa->title);
  if (!variant.is_gpu())
    return fmt::format("{} {} {}", software(variant), variant.companion ? "and" : "for", cpu);
  const CapabilityRow* row = catalog().find(cell.gpus.front());
  const std::string group =
      cell.gpus.size() == 1 && row && !row->group.empty() ? fmt::format(" ({})", row->group) : "";
  return fmt::format("{} with CUDA {} for compute capability {}{} and {}", software(variant),
                     cell.cuda->text(), dotted_list(cell.gpus), group, cpu);
}

// What a person who installs it wants to know, a line each.
std::vector<std::string> facts(const Variant& variant) {
  const Cell& cell = *variant.cell;
  std::vector<std::string> lines = {title(variant) + "."};
  if (cell.status != PairStatus::valid)
    lines.push_back(fmt::format("Note ({}): {}.", to_string(cell.status), cell.reason));
  if (!cell.runs_on.empty()) lines.push_back(fmt::format("Runs on: {}.", name_some(cell.runs_on, 8)));
  if (cell.min_driver) {
    lines.push_back(fmt::format("NVIDIA driver: {} or newer.", cell.min_driver->text()));
  }
  lines.push_back(fmt::format("CPU flags needed: {}.", fmt::join(cell.isa->cpuinfo, " ")));
  return lines;
}

// Lines of at most 116 columns, each behind `prefix`.
std::string wrapped(const std::vector<std::string>& paragraphs, std::string_view prefix) {
  constexpr std::size_t width = 112;
  std::string text;
  for (const std::string& paragraph : paragraphs) {
    std::string line;
    for (const std::string_view word : split(paragraph, ' ')) {
      if (!line.empty() && line.size() + 1 + word.size() > width) {
        text.append(prefix).append(line) += '\n';
        line.clear();
      }
      if (!line.empty()) line += ' ';
      line += word;
    }
    text.append(prefix).append(line) += '\n';
  }
  return text;
}

// Where PyTorch's CUTLASS includes <cccl/...> and this nixpkgs' CCCL has no such folder.
bool needs_cccl_links(const Variant& variant) {
  const TorchNeeds* needs = torch_needs(variant.pytorch->version);
  // The links look for themselves whether they are needed: where the nixpkgs is not known, they cost nothing.
  const bool there = variant.nixpkgs->facts->cccl_folder && !variant.nixpkgs->assumed;
  return needs && needs->cccl_cuda && *variant.cell->cuda >= *needs->cccl_cuda && !there;
}

// nixpkgs' patches that are there for the release that it ships, and not for the one that is built.
std::string stale_patches(const Variant& variant) {
  std::vector<std::string> names;
  for (const TorchPatch& patch : nixpkgs_tables().patches) {
    if (variant.nixpkgs->facts->has_patch(patch.name) && !patch.is_for(variant.pytorch->version))
      names.push_back(patch.name);
  }
  return names.empty()
             ? ""
             : fill(recipe_template("stale_patches.nix.in"), {{"stale_patch_names", nix_texts(names)}});
}

// The release that this nixpkgs ships is built as it is; another one goes in through an overlay.
bool upgrades_torch(const Variant& variant) { return variant.nixpkgs->torch != variant.pytorch->version; }

// What torch.compile makes GPU code with, where this nixpkgs has another release of it and takes the right
// one.
const TritonSource* triton_of(const Variant& variant) {
  if (!upgrades_torch(variant) || variant.nixpkgs->assumed) return nullptr;
  return triton_instead(variant.pytorch->version, variant.nixpkgs->facts->triton);
}

bool takes_cuda_packages(const MatrixSpec& spec, const Variant& variant) {
  return spec.cuda_packages && variant.is_gpu() && variant.cell->cuda == spec.cuda_packages->cuda;
}

std::string overlays(const MatrixSpec& spec, const Variant& variant, const Holes& holes) {
  std::string text;
  const auto add = [&](std::string_view name) { text += fill(recipe_template(name), holes); };
  if (variant.is_gpu())
    add(takes_cuda_packages(spec, variant) ? "overlay_cuda_packages.nix.in" : "overlay_cuda.nix.in");
  if (variant.companion) return text;  // PyTorch and what it needs come from its own recipe
  if (variant.is_gpu()) {
    if (magma_fix(*variant.cell->cuda) && !variant.nixpkgs->magma_cuda13) add("overlay_magma.nix.in");
  }
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
std::string compile_cache(const Variant& variant) {
  const std::string& folder = variant.settings->compile_cache;
  if (folder.empty()) return "";
  const bool gpu = variant.is_gpu();
  return fill(
      recipe_template("compile_cache.nix.in"),
      {{"compile_cache", folder},
       {"cuda_compiler", gpu ? "${pkgs.cudaPackages.cuda_nvcc}" : ""},
       {"cuda_launcher", gpu ? "export CMAKE_CUDA_COMPILER_LAUNCHER=\"$CMAKE_C_COMPILER_LAUNCHER\"" : ""}});
}

// Has CUDA packages of its own for these Jetsons, which nixpkgs takes only where its configuration names
// them?
bool takes_jetson_packages(const Variant& variant) {
  return variant.cell->isa->machine == Machine::aarch64 &&
         std::ranges::any_of(variant.cell->gpus,
                             [&](Capability gpu) { return has_jetson_packages(gpu, *variant.cell->cuda); });
}

// nixpkgs' own table of capabilities may lag behind the toolkit's.
bool config_takes(const Variant& variant) {
  return std::ranges::none_of(variant.cell->gpus, is_refused_by_config);
}

std::string config_capabilities(const Variant& variant, const std::string& capabilities) {
  if (takes_jetson_packages(variant)) {
    return fmt::format(
        "# By this nixpkgs knows a Jetson: other Arm machines have other CUDA packages.\ncudaCapabilities = "
        "[ {} ];",
        capabilities);
  }
  if (variant.settings->narrow != Settings::Narrow::closure || !config_takes(variant)) return "";
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

// Where CUDA's own packages come from, when not from nixpkgs.
void add_cuda_packages_holes(const MatrixSpec& spec, const Variant& variant, Holes& holes) {
  for (const char* hole :
       {"cuda_packages_argument", "cuda_packages_pass", "cuda_packages_let", "cuda_packages_export"})
    holes[hole] = "";
  if (!takes_cuda_packages(spec, variant)) return;
  const CudaPackages& packages = *spec.cuda_packages;
  const bool fetch = packages.from == CudaPackages::From::fetch;
  holes["cuda_packages_from"] = fetch ? "a repository of their own" : "this folder";
  holes["cuda_packages_folder"] = fetch ? fmt::format("cudaToolkitRepo + \"/{}\"", packages.folder) : "./.";
  holes["cuda_packages_default"] =
      !packages.local.empty()
          ? fmt::format("/. + \"{}\"", nix_text(packages.local))
          : fmt::format("builtins.fetchTarball {{\n  url = \"{}\";\n{}}}", packages.url,
                        packages.sha256 ? fmt::format("  sha256 = \"{}\";\n", *packages.sha256) : "");
  if (fetch) holes["cuda_packages_argument"] = fill(recipe_template("cuda_packages_argument.nix.in"), holes);
  if (fetch) holes["cuda_packages_pass"] = " cudaToolkitRepo";  // to the recipes that this one imports
  holes["cuda_packages_let"] = fill(recipe_template("cuda_packages_let.nix.in"), holes);
  holes["cuda_packages_export"] = std::string(recipe_template("cuda_packages_export.nix.in"));
}

// What the matrix has no word for: [extra].
void add_extra_holes(const Variant& variant, Holes& holes) {
  const Extra& extra = variant.settings->extra;
  const auto bindings = [](const std::map<std::string, std::string>& values) {
    std::string text;
    for (const auto& [name, value] : values)
      text += fmt::format("{} = {};\n", name,
                          is_package_path(value) || is_nix_name(value) ? value : "(" + value + ")");
    return text;
  };
  holes["extra_override"] = bindings(extra.override_arguments);
  holes["extra_config"] = bindings(extra.config);
  holes["extra_packages"] = bindings(extra.packages);
  holes["extra_python"] = bindings(extra.python);
  holes["extra_cuda"] = bindings(extra.cuda);
  if (!extra.nixpkgs.empty()) {
    const std::string system = extra.nixpkgs.contains("localSystem") ? "" : holes["nixpkgs_arguments"];
    holes["nixpkgs_arguments"] = system + bindings(extra.nixpkgs);
  }
  holes["cpu_config"] =
      extra.config.empty() ? "{ }" : fmt::format("{{\n{}    }}", indented(holes["extra_config"], "      "));
  std::string& environment = holes["extra_environment"];
  for (const auto& [name, value] : extra.environment)
    environment += fmt::format("export {}=\"{}\"\n", name, shell_text_as_nix(value));
  // Each in an overrideAttrs of its own, so that `old` is all that comes before. Not indented: that would
  // change its strings.
  std::string& nix = holes["extra_nix"];
  for (const std::string& attributes : extra.attributes)
    nix += fmt::format(").overrideAttrs (old: {{\n{}\n}})\n", attributes);
  holes["extra_open"] = std::string(extra.attributes.size(), '(');
}

void add_gpu_holes(const Variant& variant, Holes& holes) {
  const Cell& cell = *variant.cell;
  const Capability gpu = cell.gpus.front();
  std::vector<std::string> capabilities;
  for (const Capability each : cell.gpus) capabilities.push_back(spell(each, Dialect::dotted));
  const bool plain = cell.gpus.size() == 1 && !variant.settings->ptx;
  holes["arch_dotted"] = spell(gpu, Dialect::dotted);
  holes["arch_num"] = spell(gpu, Dialect::cmake);
  holes["gpu_targets"] = plain ? "gpuArchSM" : nix_texts(variant.arch_list());
  holes["capabilities"] = nix_texts(capabilities);
  // the recipe has a gpuArchNum
  const bool named = cell.gpus.size() == 1 && (!variant.companion || !variant.carved_from.empty());
  holes["gpu_arch"] = named ? "sm${gpuArchNum}" : cell.gpu_text;
  holes["cuda"] = cell.cuda->text();
  holes["cuda_attr"] = replace_all(cell.cuda->text(), ".", "_");
  holes["driver"] = cell.min_driver ? cell.min_driver->text() : "";
  holes["config_capabilities"] = config_capabilities(variant, holes["capabilities"]);
  holes["config_broken"] = config_broken(variant);
  holes["cccl"] = variant.nixpkgs->facts->cccl;
  holes["cccl_let"] = needs_cccl_links(variant) ? fill(recipe_template("cccl_let.nix.in"), holes) : "";
  if (const MagmaFix* fix = magma_fix(*cell.cuda)) {
    holes["magma_patch"] = fix->name;
    holes["magma_commit"] = fix->commit;
    holes["magma_hash"] = fix->hash;
    holes["magma_what"] = fix->what;
  }
  if (const TritonSource* triton = triton_of(variant)) {
    holes["triton"] = triton->release;
    holes["triton_hash"] = triton->hash;
    holes["triton_llvm"] = triton->llvm;
    holes["triton_llvm_version"] = triton->llvm_version;
    holes["triton_llvm_hash"] = triton->llvm_hash;
    holes["triton_stale"] = nix_texts(triton->stale_patches);
    holes["triton_link_file"] = triton->link_file;
    holes["triton_link_text"] = triton->link_text;
  }
  holes["cccl_export"] = needs_cccl_links(variant) ? std::string(recipe_template("cccl_export.nix.in")) : "";
}

// What a companion has of its own: which PyTorch, which source, how many GPUs.
void add_companion_holes(const Variant& variant, Holes& holes) {
  const CompanionSource& source = *variant.companion;
  holes["package"] = source.package;
  holes["torch"] = variant.torch;
  holes["torch_all"] = variant.torch_carved_from;
  holes["companion_version"] = source.version;
  holes["owner"] = nix_text(source.owner);
  holes["repo"] = nix_text(source.repo);
  holes["rev"] = source.rev == "v" + source.version ? "v${version}" : nix_text(source.rev);
  holes["hash"] = source.hash;
  holes["companion_source"] =
      source.version.empty() ? "" : fill(recipe_template("companion_source.nix.in"), holes);
  // nixpkgs gives it PyTorch's capabilities, and those have no PTX.
  const bool ptx = variant.is_gpu() && variant.settings->ptx;
  holes["arch_list"] =
      ptx ? fmt::format("export TORCH_CUDA_ARCH_LIST=\"{}\"", fmt::join(variant.arch_list(), ";")) : "";
  holes["build_version"] = source.version.empty() ? "" : "export BUILD_VERSION=\"${version}\"";
  holes["companion_capabilities"] = !variant.is_gpu() ? ""
                                    : config_takes(variant)
                                        ? fmt::format(
                                              "# The companion reads torch.cudaCapabilities; what else it is "
                                              "built with reads this.\ncudaCapabilities = [ {} ];",
                                              holes["capabilities"])
                                        : fmt::format(
                                              "# Not cudaCapabilities: nixpkgs' table has no {}. The "
                                              "companion reads torch.cudaCapabilities.",
                                              dotted_list(variant.cell->gpus));
  holes["companion_config"] = variant.is_gpu() ? fill(recipe_template("companion_config.nix.in"), holes) : "";
}

Holes holes_for(const MatrixSpec& spec, const Variant& variant) {
  const std::vector<std::string> lines = facts(variant);
  const std::string limit_lines = limits(*variant.settings);
  Holes holes = {
      {"matrix", spec.name},
      {"checksum", std::string(checksum_length, '0')},
      {"about", wrapped(lines, "# ")},
      {"name", variant.name},
      {"pname", variant.pname},
      {"nixpkgs_assumed",
       variant.nixpkgs->assumed ? fmt::format("# This revision is {}.", variant.nixpkgs->assumption()) : ""},
      {"nixpkgs_url", variant.nixpkgs->url()},
      {"nixpkgs_sha256",
       variant.nixpkgs->sha256 ? fmt::format("sha256 = \"{}\";", *variant.nixpkgs->sha256) : ""},
      {"cpu_flags", nix_texts(variant.cpu_flags(), "\n")},
      {"system", system_of(variant.cell->isa->machine)},
      {"isa", variant.cell->isa->name},
      {"python", variant.python},
      {"python_digits", digits_of(variant.python)},
      {"pytorch", variant.pytorch->version},
      {"owner", nix_text(variant.pytorch->owner)},
      {"repo", nix_text(variant.pytorch->repo)},
      {"rev", variant.pytorch->rev == "v" + variant.pytorch->version ? "v${version}"
                                                                     : nix_text(variant.pytorch->rev)},
      {"hash", variant.pytorch->hash},
      {"switches", switches(variant)},
      {"compile_cache_export", compile_cache(variant)},
      {"description", nix_text(title(variant))},
      {"long_description", indented_string(wrapped(lines, ""))},
      {"limits", limit_lines},
      {"arch_patch", ""},
      {"arch_patch_text", indented_string(variant.pytorch->arch_patch)},
  };
  holes["stale_patches"] = stale_patches(variant);
  if (!variant.pytorch->arch_patch.empty())
    holes["arch_patch"] = fill(recipe_template("arch_patch.nix.in"), holes);
  holes["pre_build"] = limit_lines.empty() ? "" : fill(recipe_template("pre_build.nix.in"), holes);
  if (variant.is_gpu()) add_gpu_holes(variant, holes);
  holes["nixpkgs_arguments"] = fmt::format("system = \"{}\";\n", holes["system"]);
  add_extra_holes(variant, holes);
  add_cuda_packages_holes(spec, variant, holes);
  holes["promise_passthru"] = fill(
      recipe_template(variant.is_gpu() ? "promise_passthru.nix.in" : "promise_passthru_cpu.nix.in"), holes);
  holes["promise_meta"] = fill(recipe_template("promise_meta.nix.in"), holes);
  if (spec.carver) {
    holes["carved_from"] = variant.carved_from;
    holes["carver_url"] = spec.carver->url;
    holes["carver_sha256"] = spec.carver->sha256 ? fmt::format("sha256 = \"{}\";", *spec.carver->sha256) : "";
    const std::string& why = variant.cell->not_served;
    holes["refuse"] = why.empty() ? "" : fmt::format("refuse = \"{}\";", nix_text(why));
  }
  holes["overlays"] = overlays(spec, variant, holes);
  if (variant.companion) add_companion_holes(variant, holes);
  return holes;
}

std::string_view form_of(const Variant& variant) {
  if (variant.of_nixpkgs) return "carved_nixpkgs.nix.in";
  if (!variant.carved_from.empty()) return variant.companion ? "companion_carved.nix.in" : "carved.nix.in";
  if (variant.companion) return "companion.nix.in";
  return variant.is_gpu() ? "gpu.nix.in" : "cpu.nix.in";
}

// Where the checksum's characters lie; npos when `recipe` has none.
std::size_t checksum_offset(std::string_view recipe) {
  const std::string_view first_line = recipe.substr(0, recipe.find('\n'));
  if (!first_line.starts_with("# Made by torchlathe from ")) return std::string_view::npos;
  const std::size_t start = first_line.find(checksum_start);
  if (start == std::string_view::npos) return std::string_view::npos;
  const std::size_t offset = start + checksum_start.size();
  return offset + checksum_length <= first_line.size() ? offset : std::string_view::npos;
}

// Over the whole text with zeros in the checksum's place.
std::string checksum_of(std::string recipe, std::size_t offset) {
  recipe.replace(offset, checksum_length, checksum_length, '0');
  return to_base64url(sha256(as_byte_span(recipe))).substr(0, checksum_length);
}

}  // namespace

std::string render(const MatrixSpec& spec, const Variant& variant) {
  return seal(fill(recipe_template(form_of(variant)), holes_for(spec, variant)));
}

std::string seal(std::string recipe) {
  const std::size_t offset = checksum_offset(recipe);
  return recipe.replace(offset, checksum_length, checksum_of(recipe, offset));
}

std::vector<SharedRecipe> render_shared(const MatrixSpec& spec) {
  std::vector<SharedRecipe> shared;
  if (!spec.cuda_packages || spec.cuda_packages->from != CudaPackages::From::copy) return shared;
  const Redist redist = redist_of(*spec.cuda_packages);
  for (const RedistPackage& package : redist.packages) {
    shared.push_back({.file = package.name + ".nix", .text = render_redist(redist, package, "x86_64-linux")});
  }
  return shared;
}

Authorship authorship_of(std::string_view recipe) {
  const std::size_t offset = checksum_offset(recipe);
  if (offset == std::string_view::npos) return Authorship::foreign;
  const bool same = checksum_of(std::string(recipe), offset) == recipe.substr(offset, checksum_length);
  return same ? Authorship::generated : Authorship::edited;
}

}  // namespace lathe
