// SPDX-License-Identifier: MIT
// The table of rules. error: the build fails, is wrong, or lies about itself. warning: dead, impure, or
// drifting.
#include <fmt/format.h>

#include <algorithm>

#include "audit/import/nix_value.h"
#include "audit/rules/rule.h"
#include "audit/import/understood.h"
#include "base/text.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

constexpr Severity error = Severity::error, warning = Severity::warning, note = Severity::note;
constexpr std::string_view apply = "torchlathe apply writes it anew";

const Rule table[] = {
    // What cannot be evaluated.
    {"syntax", error,
     "Nix cannot read the file: a parenthesis is missing, it is no text, or it cannot be opened. Nothing can "
     "be built from it.",
     apply, rule_syntax},
    {"evaluation", error,
     "Nix stops with an error, does not come to an end, or needs too much memory when it evaluates the "
     "recipe. The message is Nix's own.",
     apply, rule_evaluation},
    {"not-evaluated", warning,
     "There is no Nix on this machine, so the recipe was judged by its name and text alone. That finds "
     "little.",
     "install Nix and audit again", rule_not_evaluated},
    {"not-a-package", error,
     "A recipe must evaluate to one package; this one is a set, a function or a text. Flox and nix-build "
     "have nothing to build.",
     apply, rule_not_a_package},
    {"from-scratch", error,
     "The recipe describes the whole build of PyTorch itself. It misses every fix that nixpkgs makes, and no "
     "option of nixpkgs' torch reaches it.",
     apply, rule_from_scratch},
    {"unknown-name", note,
     "The recorder that stands in for nixpkgs does not know this name. If nixpkgs does not have it either, "
     "evaluation fails there.",
     "check that this nixpkgs has it", rule_unknown_name},
    // Names.
    {"name-dot", error,
     "A dot in a file name separates attributes in Nix: NAME.8.2 is the attribute 2 of the attribute 8. Such "
     "a package cannot be asked for.",
     "write _ for the dot", rule_name_dot, true},
    {"name-suffix", error,
     "The name goes on after the instruction set: -cu128 says CUDA a second time, -magma and -nightly are "
     "not what tells variants apart. The same build then lives under two names.",
     "leave the suffix away", rule_name_suffix, true},
    {"name-grammar", error,
     "The name is not built as package, python, CUDA, GPU, instruction set, so nobody can tell what it "
     "promises.",
     "name it as in pytorch-python313-cuda13_0-sm120-avx512", rule_name_grammar, true},
    {"pname", error,
     "The package calls itself something else than its file or the matrix does. Stores, logs and `flox list` "
     "show the pname.",
     "set pname to the matrix' name", rule_pname, true},
    {"pname-release", note,
     "The pname does not name the PyTorch release that is built, so branches with different releases make "
     "packages of one name.",
     "put the release into the pattern: {package}{pytorch}-...", rule_pname_release},
    {"pname-collision", warning,
     "Two recipes of the folder make packages of the same name. Only one of them can be installed or "
     "published.",
     "give each its own pname", rule_pname_collision},
    {"duplicate", warning,
     "Another recipe of the folder builds exactly the same. Two builds of three hours give one result, and "
     "one of them will be forgotten in the next change.",
     "delete one of them", rule_duplicate},
    // GPUs.
    {"gpu-dialect", error,
     "nixpkgs hands gpuTargets on unread as TORCH_CUDA_ARCH_LIST. PyTorch's CMake takes \"9.0\", \"9.0a\" "
     "and \"9.0+PTX\", and stops at \"sm_90\", \"90\" and \"compute_90\" as unknown architecture names, "
     "minutes into the build.",
     "write the compute capability with a dot", rule_gpu_dialect},
    {"gpu-targets", error,
     "The recipe builds for other GPUs than it is named for. On the named GPU PyTorch will say that no "
     "kernel image is available, or the build takes hours too long.",
     apply, rule_gpu_targets},
    {"impossible-pair", error,
     "No machine has this GPU together with a CPU of this instruction set: Jetson, Thor and GB10 sit on Arm "
     "chips. Such a build can run nowhere.",
     "delete it", rule_impossible_pair},
    {"impossible-wanted", warning,
     "The matrix asks for a build that can run nowhere: no machine has this GPU together with a CPU of this "
     "instruction set, or the toolkit cannot compile for it.",
     "drop = [\"impossible\"] under [matrix]", rule_impossible_wanted},
    {"redundant-pair", note,
     "It runs, but every machine with this GPU has a better instruction set, so another variant serves it "
     "better.",
     "drop = [\"impossible\", \"redundant\"] under [matrix]", rule_redundant_pair},
    {"toolkit-range", error,
     "This CUDA release cannot compile for this GPU: it is older than the GPU or has dropped it. nvcc stops "
     "with \"Unsupported gpu architecture\".",
     "choose a CUDA release that knows the GPU: torchlathe catalog capabilities", rule_toolkit_range},
    {"cudnn", error,
     "Since 9.11 cuDNN has no code for GPUs below compute capability 7.5. Convolutions fail there unless "
     "PyTorch is built without cuDNN.",
     "export USE_CUDNN=0 in preConfigure", rule_cudnn},
    {"config-capabilities", error,
     "config.cudaCapabilities decides for which GPUs MAGMA, NCCL and the companions are built; torch's "
     "gpuTargets does not reach them. Here it is not what the recipe promises.",
     apply, rule_config_capabilities},
    // CUDA.
    {"cuda-off", error,
     "nixpkgs builds torch without CUDA unless override gets cudaSupport = true or the configuration says "
     "so. overrideAttrs alone cannot turn it on: the result is a CPU build under a GPU's name.",
     "torch.override { cudaSupport = true; gpuTargets = [ ... ]; }", rule_cuda_off},
    {"cuda-in-cpu", error,
     "A CPU build that is configured for CUDA drags the whole toolkit in, or is a GPU build under a wrong "
     "name.",
     "set cudaSupport to false and leave the CUDA overlays away", rule_cuda_in_cpu},
    {"cuda-version", error,
     "The CUDA that the recipe really builds with is not the one in its name: the overlay that chooses it is "
     "missing or another one. nixpkgs' own default is mostly another release.",
     "overlay: cudaPackages = final.cudaPackages_13_0 (the one in the name)", rule_cuda_version},
    {"cuda-unknown", warning,
     "Nobody noted what CUDA this nixpkgs has by default, and the recipe takes the default.",
     "ask for the release by its name", rule_cuda_unknown},
    {"moving-alias", warning,
     "cudaPackages_13 is whatever 13.x a nixpkgs has newest: 13.0 in one revision, 13.2 in a later one. A "
     "name with cuda13_0 in it must say 13_0.",
     "write the full name: cudaPackages_13_0", rule_moving_alias},
    {"cuda-config", error,
     "Nix refuses unfree packages (all of CUDA) and packages that nixpkgs calls broken (torch with a CUDA "
     "major release that it was not written for) unless the configuration allows them.",
     "config: allowUnfree = true; allowBroken = true", rule_cuda_config},
    {"magma-patch-missing", error,
     "MAGMA reads cudaDeviceProp.clockRate, which CUDA 13 removed. Some revisions of nixpkgs have the fix, "
     "this one does not.",
     "an overlay that adds the patch to magma", rule_magma_patch_missing},
    {"magma-patch-twice", error,
     "This nixpkgs has MAGMA's CUDA 13 fix already. Adding it again stops the build: \"Reversed (or "
     "previously applied) patch detected\".",
     "leave the overlay away", rule_magma_patch_twice},
    {"cccl-links", warning,
     "From 2.10 on PyTorch's CUTLASS includes <cccl/cuda/...> with CUDA 13; nixpkgs' toolkit has <cuda/...>. "
     "Without a folder of links the compiler does not find the headers.",
     "a folder cccl/ of links to cuda_cccl's include, on CPATH", rule_cccl_links},
    {"cccl-output", error,
     "Where CCCL has an output of its own for headers, its output dev has none: the links to them lead "
     "nowhere, and the compiler says that a header is missing, an hour into the build.",
     "pkgs.lib.getInclude pkgs.cudaPackages.cuda_cccl", rule_cccl_output},
    {"jetson-config", error,
     "nixpkgs takes CUDA's packages for Jetson only where config.cudaCapabilities names the Jetson, and "
     "nothing else beside it; else those for Arm servers, which do not run there.",
     apply, rule_jetson_config},
    {"find-cuda-toolkit", error,
     "nixpkgs removes cmake/Modules/FindCUDAToolkit.cmake in postPatch and has a patch that takes its "
     "installation away. patches = [ ] drops the patch and not the removal, so the install step fails.",
     "put a stub of the file there", rule_find_cuda_toolkit},
    // CPUs.
    {"isa-excess", error,
     "The compiler may use instructions that the named instruction set does not have. On a CPU that has just "
     "the named one the program dies with an illegal instruction.",
     apply, rule_isa_excess},
    {"isa-missing", error,
     "The compiler is not allowed the instructions that the name promises, so the build is slower than its "
     "name says.",
     apply, rule_isa_missing},
    {"isa-switches", error,
     "Some libraries in PyTorch need more than this instruction set has. They must be switched off, or the "
     "build dies on the CPUs it is for.",
     apply, rule_isa_switches},
    {"flags-unknown", error,
     "A machine flag that is not in the tables: nobody can say on which CPUs the result runs.",
     "use the flags of: torchlathe catalog isas", rule_flags_unknown},
    {"switched-off", warning, "A part of PyTorch is switched off although GPU and CPU serve it.",
     "leave the switch away", rule_switched_off},
    {"platform-wrong", error,
     "meta.platforms leaves out the only kind of machine that can build and run these flags, so Nix refuses "
     "to build it there.",
     apply, rule_platform_wrong},
    {"platforms-wide", warning, "meta.platforms names kinds of machine for which the flags make no sense.",
     "name the one platform", rule_platforms_wide},
    {"system", error,
     "The recipe asks nixpkgs for packages of another kind of machine than its instruction set belongs to.",
     apply, rule_system},
    // Where things come from.
    {"pin", error,
     "The recipe uses another revision of nixpkgs than the matrix: other releases of everything, other "
     "patches needed. Old pins left behind are how builds of one branch come to differ.",
     apply, rule_pin},
    {"pin-missing", error,
     "Without a pinned nixpkgs the recipe means something else on every machine and every day.",
     "import a pinned tarball of nixpkgs", rule_pin_missing},
    {"pin-mixed", warning, "Recipes for one CUDA release in one folder use different revisions of nixpkgs.",
     "use one", rule_pin_mixed},
    {"pin-hash", warning,
     "A tarball without sha256 is taken as it comes. Evaluation is impure and a changed file goes unnoticed.",
     "put sha256 under [nixpkgs.NAME] in the matrix", rule_pin_hash},
    {"empty-hash", error,
     "A hash that was left empty or fake to let the first build find it. The build stops with a hash "
     "mismatch.",
     "put in the hash that the build names", rule_empty_hash},
    {"gone-alias", error,
     "The attribute was an alias in an older nixpkgs and no longer evaluates: python3Packages.pytorch is "
     "python3Packages.torch.",
     "use the attribute's own name", rule_gone_alias},
    {"impure", warning,
     "What the recipe builds depends on the machine that evaluates it: a variable, a file outside its "
     "folder, the time. In a pure evaluation it is empty or fails.",
     "put the value into the recipe", rule_impure},
    {"fetched-import", warning,
     "A part of the recipe comes from a repository that must be fetched while evaluating. It was not looked "
     "at.",
     "keep all of the recipe in its folder", rule_fetched_import},
    // PyTorch.
    {"torch-version", error, "The recipe builds another PyTorch release than the matrix asks for.", apply,
     rule_torch_version},
    {"torch-source", error,
     "The recipe takes its source from elsewhere, or its hash is another than the matrix has.", apply,
     rule_torch_source},
    {"build-version", warning,
     "nixpkgs fixes PYTORCH_BUILD_VERSION before overrideAttrs can change version, so the built package "
     "calls itself by the old release (and asserts on TORCH_FEATURE_VERSION).",
     "export PYTORCH_BUILD_VERSION in preConfigure", rule_build_version},
    {"python", error, "The recipe takes torch from the package set of another Python than it is named for.",
     apply, rule_python},
    {"blas", error,
     "The name says with which library of linear algebra torch is linked, and its argument blas has another "
     "as provider.",
     "blas = pkgs.blas.override { blasProvider = pkgs.mkl; } as an argument of override", rule_blas},
    {"unknown-argument", error,
     "override takes only the arguments that the package has. Nix stops with \"unexpected argument\".", apply,
     rule_unknown_argument},
    {"dead-override", warning, "This argument of override has no effect here.", "leave it away",
     rule_dead_override},
    {"dead-cmake-flags", warning,
     "nixpkgs' torch sets dontUseCmakeConfigure: cmakeFlags are never read. The variables beside them do the "
     "work.",
     "leave them away, or export the variable", rule_dead_cmake_flags},
    {"dead-max-jobs", warning,
     "A limit on compile jobs that is overwritten before the build begins. The build takes all cores, and "
     "memory may not suffice.",
     "set MAX_JOBS in preBuild", rule_dead_max_jobs},
    {"dead-ninja-flags", warning, "ninja's hook is not used for this build: ninjaFlags are never read.",
     "leave them away", rule_dead_ninja_flags},
    {"dead-features", warning, "nixpkgs' torch asks for a big-parallel builder by itself.", "leave it away",
     rule_dead_features},
    {"job-limit", warning, "The recipe limits its compile jobs in another way than the matrix says.", apply,
     rule_job_limit},
    {"compile-cache", warning,
     "The recipe keeps the results of its compilers elsewhere than the matrix says, or compiles everything "
     "anew.",
     apply, rule_compile_cache},
    {"passthru", warning, "What the package says of itself to companions and tools is not what it is.", apply,
     rule_passthru},
    // Another release than nixpkgs has, and what is checked when all is built.
    {"patch-dropped", warning,
     "A patch of nixpkgs is gone that this release of PyTorch needs. Most of them fail late or not at all: "
     "without the one for CUPTI the profiler sees no GPU and nothing says so.",
     "keep (old.patches or [ ]), and filter out by name what does not apply", rule_patch_dropped},
    {"patch-stale", error,
     "nixpkgs' patches are for the release that it ships. This one does not apply to the release that is "
     "built: the build stops in its first phase.",
     apply, rule_patch_stale},
    {"old-substitutions", warning,
     "nixpkgs' postPatch replaces texts of the release that it ships and stops (--replace-fail) where one is "
     "not there. Another release may have lost it.",
     "builtins.replaceStrings [ \"--replace-fail\" ] [ \"--replace-warn\" ] old.postPatch",
     rule_old_substitutions},
    {"triton", warning,
     "torch.compile makes its GPU code with triton, and each PyTorch is made for one release of it, which is "
     "made for one LLVM. nixpkgs moves them together; an overlay that moves PyTorch alone leaves triton "
     "behind, and torch.compile fails when a program runs.",
     "the overlay that torchlathe generate writes where it is known how (torchlathe catalog triton), or a "
     "nixpkgs that ships this PyTorch",
     rule_triton},
    {"metadata-name", error,
     "nixpkgs from July 2026 on looks a Python package up under its pname when all is built, and Python "
     "knows PyTorch as torch, whatever the pname: the build fails at its very end.",
     "dontCheckPythonMetadata = true;", rule_metadata_name},
    {"carve-base", error,
     "What is cut out of a build holds no more than that build. Its base has no code for the GPU, or is not "
     "the one that the matrix says: nixpkgs' own torch (base = \"nixpkgs\") is the one that caches have, as "
     "long as nothing of its package set is changed.",
     apply, rule_carve_base},
    // Companions.
    {"torch-output", error,
     "torch has several outputs. What it needs in Python is named in its output dev, and what CMake finds of "
     "it lies there: a companion that is given another output alone cannot import torch while it is built, "
     "or find it by CMake.",
     "inherit torch, whole, and propagatedBuildInputs = old.propagatedBuildInputs ++ [ torch.out ]",
     rule_torch_output},
    {"dev-output", error,
     "torch has several outputs; \"dev\" holds headers and no Python module. A companion that hands it on "
     "cannot be imported.",
     "hand on torch itself (its out)", rule_dev_output},
    {"embedded-torch", error,
     "The companion is built with a torch that nobody installs beside it. Two libtorch in one process crash.",
     "take the torch of the recipe that is installed", rule_embedded_torch},
    {"companion-gpus", warning,
     "torchvision and torchaudio read torch.cudaCapabilities, which nixpkgs computes from its configuration: "
     "torch's gpuTargets does not narrow them.",
     "set config.cudaCapabilities too", rule_companion_gpus},
    {"companion-config", error,
     "What a companion is built with beside torch looks at config.cudaCapabilities: left unset, it is built "
     "for every GPU that nixpkgs lists.",
     apply, rule_companion_config},
    {"companion-torch", error,
     "A companion follows one variant of PyTorch and must be built with exactly that: two libtorch in one "
     "process crash.",
     apply, rule_companion_torch},
    {"companion-version", error,
     "torchvision and torchaudio are made for one release of PyTorch each; another one does not load or does "
     "not compile.",
     apply, rule_companion_version},
    // What nobody has read.
    {"not-understood", error,
     "The recipe sets something that no rule of the audit reads: an attribute, a variable, an argument, a "
     "package of an overlay. Or it asks nixpkgs for a name that it puts together, and an audit cannot know "
     "the answer. It may be harmless, or change all that is built. Nobody can say that the recipe is right.",
     "leave it away, or say why it may stay: [[silence]] in the matrix", rule_not_understood},
    {"shell-unknown", error,
     "A phase runs a command that the audit does not know. Assignments and the lines that torchlathe writes "
     "are understood; sed, cp and conditions may change anything.",
     "leave it away, or say why it may stay: [[silence]] in the matrix", rule_shell_unknown},
    {"phase-replaced", error,
     "nixpkgs' torch does part of its work in this phase. A recipe that sets it without (old.PHASE or \"\") "
     "in front takes that work away.",
     "write (old.PHASE or \"\") + ''...''", rule_phase_replaced},
    {"cuda-mixed", error,
     "Packages of two CUDA releases in one build: headers of one, libraries of the other, and both runtimes "
     "in one process.",
     "take all from pkgs.cudaPackages", rule_cuda_mixed},
    {"extra", error,
     "Under [extra] a matrix asks for what it has no word of its own for: variables, arguments of override, "
     "Nix. The recipe has it not, or otherwise.",
     apply, rule_extra},
    {"two-faced", error,
     "The recipe asks something of the machine, of a version or of a path, and is another recipe where the "
     "answer is another. What an audit sees of it is not what Nix builds elsewhere.",
     "write down the value that the recipe asks for", rule_two_faced},
    // Descriptions.
    {"description-cuda", error,
     "The description names another CUDA release than the one that the recipe builds with.", apply,
     rule_description_cuda},
    {"description-python", error,
     "The description names another Python than the one that the recipe builds for.", apply,
     rule_description_python},
    {"description-arch", error, "The description names a compute capability that the build has no code for.",
     apply, rule_description_arch},
    {"description-gpu", warning, "The description offers the package for a GPU that cannot run it.", apply,
     rule_description_gpu},
    {"description-cpu", warning,
     "The description offers the package for a CPU that lacks the instruction set: Graviton3 has no SVE2, "
     "Skylake-SP no VNNI.",
     apply, rule_description_cpu},
    {"driver-floor", warning, "The description asks for an older driver than this CUDA release runs on.",
     apply, rule_driver_floor},
};

}  // namespace

std::span<const Rule> rules() { return table; }

const Rule& find_rule(std::string_view name) {
  const auto* found = std::ranges::find(table, name, &Rule::name);
  if (found != std::end(table)) return *found;
  std::vector<std::string> names;
  for (const Rule& rule : table) names.emplace_back(rule.name);
  throw Error({.what = fmt::format("there is no rule \"{}\"", printable(name)),
               .where = {},
               .next = did_you_mean_text(name, names, "all of them: torchlathe audit --explain all")});
}

Findings check_recipe(const Case& recipe) {
  Findings findings;
  for (const Rule& rule : table) {
    Report report(rule, findings);
    rule.check(recipe, report);
  }
  return findings;
}

const RecordedPackage* Case::torch() const {
  const RecordedPackage* own = package();
  if (!own) return nullptr;
  if (own->builder == "torch") return own;
  return own->torch && own->torch->builder == "torch" ? own->torch.get() : nullptr;
}

const NixpkgsFacts* Case::nixpkgs() const {
  const RecordedNixpkgs* used = got.pin();
  return used && used->rev ? nixpkgs_facts(*used->rev) : nullptr;
}

// Other packages of nixpkgs can be given a torch too.
bool Case::is_companion() const {
  return got.package && got.package->torch != nullptr && got.package->builder != "nixpkgs";
}

Place Case::at(std::string_view key) const {
  const RecordedPackage* own = package();
  if (!own) return whole();
  Place place = own->where(key);
  return place.file.empty() ? whole() : place;
}

namespace {

// What a recipe sets an attribute to; "" for names and descriptions, and for what is in the fingerprint
// already.
std::string changed_text(const RecordedPackage& torch, const std::string& name) {
  static constexpr std::string_view elsewhere[] = {
      "pname", "name", "version", "src", "patches", "meta", "passthru", "env", "cmakeFlags", "ninjaFlags"};
  const Json* value = torch.attributes.find(name);
  const Json* before = torch.original.find(name);
  if (!value || std::ranges::find(elsewhere, name) != std::end(elsewhere) ||
      (before && json_text(*value) == json_text(*before)))
    return "";
  if (std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; })) return "";  // a variable
  if (name != "postPatch" && name != "preConfigure" && name != "preBuild")
    return fmt::format("|{}={}", name, json_text(*value));
  std::string text;
  for (const std::string& line : other_commands(torch.text_of(name))) {
    if (!is_known_shell_line(line)) text += fmt::format("|{}: {}", name, line);
  }
  return text;
}

}  // namespace

std::string fingerprint_of(const Recorded& recorded) {
  if (!recorded.package || recorded.package->builder != "torch") return "";
  const RecordedPackage& torch = *recorded.package;
  const auto joined = [](const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += word + ' ';
    return text;
  };
  std::string text = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|", recorded.system, torch.attribute, torch.version,
                                 torch.build_version, torch.cuda_support.value_or(false),
                                 joined(torch.gpu_targets), joined(torch.cxxflags), joined(torch.cflags));
  text += fmt::format("{}|{}|", recorded.pin() ? recorded.pin()->rev.value_or("") : "",
                      torch.cuda ? torch.cuda->version : "");
  if (torch.source) text += torch.source->rev + torch.source->hash.value_or("");
  for (const auto& [name, value] : torch.environment) {
    const bool variable = std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
    if (variable && name != "CPATH" && !name.starts_with("CCACHE_"))
      text += fmt::format("|{}={}", name, value);
  }
  for (const RecordedPatch& patch : torch.patches) text += "|" + patch.name;
  text += json_text(torch.override_arguments);
  for (const std::string& name : torch.written) text += changed_text(torch, name);
  return text;
}

}  // namespace lathe
