// SPDX-License-Identifier: MIT
// What a recipe sets and no other rule reads. A recipe is kept only if all that it sets was understood; so
// what is not in the tables below is a finding with its name, however harmless it may be. Whether the known
// things are right is for the other rules. Does not know what a file, a patch or a package of the recipe's
// own does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/import/nix_value.h"
#include "audit/import/understood.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "hardware/catalog.h"
#include "nix/record.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

using Names = std::span<const std::string_view>;

bool among(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// Attributes that other rules judge, and those that change nothing in what is built.
constexpr std::string_view attributes[] = {"pname",
                                           "version",
                                           "src",
                                           "patches",
                                           "postPatch",
                                           "preConfigure",
                                           "preBuild",
                                           "env",
                                           "passthru",
                                           "meta",
                                           "cmakeFlags",
                                           "ninjaFlags",
                                           "requiredSystemFeatures",
                                           "doCheck",
                                           "doInstallCheck",
                                           "pythonImportsCheck",
                                           "enableParallelBuilding",
                                           "dontCheckPythonMetadata"};
// dev-output and companion-torch read what a companion hands on.
constexpr std::string_view companion_attributes[] = {"propagatedBuildInputs", "dependencies"};

// Variables that other rules judge, or that say how the build is done and not what is built. The first group
// is nixpkgs' own.
constexpr std::string_view variables[] = {"CMAKE_GENERATOR",
                                          "BUILD_NAMEDTENSOR",
                                          "BUILD_DOCS",
                                          "BUILD_TEST",
                                          "USE_MKLDNN_CBLAS",
                                          "USE_SYSTEM_PYBIND11",
                                          "USE_MPS",
                                          "USE_SYSTEM_NCCL",
                                          "USE_STATIC_NCCL",
                                          "USE_VULKAN",
                                          "PYTORCH_BUILD_NUMBER",
                                          "FORCE_CUDA",
                                          "CXXFLAGS",
                                          "CFLAGS",
                                          "NIX_CFLAGS_COMPILE",
                                          "CPATH",
                                          "MAX_JOBS",
                                          "PYTORCH_BUILD_VERSION",
                                          "BUILD_VERSION",
                                          "USE_CUDA",
                                          "USE_CUDNN",
                                          "USE_MKLDNN",
                                          "USE_FBGEMM",
                                          "USE_NNPACK",
                                          "USE_DISTRIBUTED",
                                          "USE_MAGMA",
                                          "USE_NCCL",
                                          "CUDA_HOME",
                                          "CUDAToolkit_ROOT",
                                          "CUDACXX",
                                          "PATH",
                                          "CCACHE_DIR"};
// Only where the phases set them: nixpkgs' preConfigure writes over an attribute of that name. And names
// that the lines below use.
constexpr std::string_view phase_variables[] = {"TORCH_CUDA_ARCH_LIST", "closed", "free_jobs"};

constexpr std::string_view override_arguments[] = {"cudaSupport",   "rocmSupport", "cudaPackages",
                                                   "gpuTargets",    "magma",       "mklDnnSupport",
                                                   "useSystemNccl", "torch"};
constexpr std::string_view config_keys[] = {"allowUnfree",      "allowBroken",      "allowAliases",
                                            "packageOverrides", "cudaSupport",      "rocmSupport",
                                            "cudaCapabilities", "cudaForwardCompat"};
constexpr std::string_view python_packages[] = {"torch", "torchvision", "torchaudio"};
constexpr std::string_view extended_packages[] = {"torch", "torchvision", "torchaudio", "triton"};
constexpr std::string_view overlaid_packages[] = {"magma", "cudaPackages", "pythonPackagesExtensions",
                                                  "triton-llvm"};
// Of CUDA's own packages, what a matrix may take from elsewhere ([cuda_packages]).
constexpr std::string_view cuda_packages[] = {"cudatoolkit", "cudnn", "nccl", "libcusparse_lt"};

// Lines of shell beside assignments that are understood; * is anything but a further command.
constexpr std::string_view lines[] = {
    "echo *",
    "mkdir -p *",
    "else",
    "fi",
    "rm cmake/Modules/FindCUDAToolkit.cmake",
    "substituteInPlace upstreams-file --replace-fail 'text of its release' 'text'",
    "substituteInPlace upstreams-file --replace-warn 'text of its release' 'text'",
    "echo * > version.txt",
    "if ! [ -e cmake/Modules/FindCUDAToolkit.cmake ]; then",
    "echo 'include(*${CMAKE_ROOT}/Modules/FindCUDAToolkit.cmake*)' > cmake/Modules/FindCUDAToolkit.cmake",
    "ln -s <cudaPackages*.cuda_cccl*>/include/* *",
    "ln -sf <cudaPackages*.cuda_cccl*>/include/* *",
    "ln -sfn <cudaPackages*.cuda_cccl*>/include/* *",
    "free_jobs=$(awk '/^MemAvailable:/ { print int($2 / 1048576 / *) }' /proc/meminfo)",
    "closed=$(find \"*\" -type d ! \\( -writable -executable \\) -print -quit 2>/dev/null || true)",
    "if [ -d \"*\" ] && [ -z \"$closed\" ]; then",
    "[ -z \"$closed\" ] || closed=\"$closed is closed to the user that builds\"",
};

// What the recorder's torch writes into a phase of its own for all that nixpkgs does there.
constexpr std::string_view nixpkgs_text[][2] = {
    {"postPatch", "# nixpkgs: substitutions in upstream's files"},
    {"preBuild", "# nixpkgs: setup.py build --cmake-only"},
    {"preConfigure", "export TORCH_CUDA_ARCH_LIST="},
};

bool starts_command(std::string_view text) {
  static constexpr std::string_view forbidden = ";|&<>`\n";
  return forbidden.find(text.front()) != std::string_view::npos || text.starts_with("$(");
}

bool matches(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*')
    return !text.empty() && text.front() == pattern.front() && matches(text.substr(1), pattern.substr(1));
  if (matches(text, pattern.substr(1))) return true;
  return !text.empty() && !starts_command(text) && matches(text.substr(1), pattern);
}

// A recipe of a matrix' package. What an unwanted companion is built with was its author's choice.
const RecordedPackage* judged_package(const Case& recipe) {
  if (!recipe.promise) return nullptr;
  if (recipe.is_torch()) return recipe.package();
  return recipe.is_companion() && recipe.want ? recipe.package() : nullptr;
}

bool is_variable(std::string_view name) {
  return among(variables, name) || among(compile_cache_variables, name);
}

bool is_switch(std::string_view name) {
  return std::ranges::any_of(catalog().isas, [&](const Isa& isa) {
    return std::ranges::find(isa.without, name) != isa.without.end();
  });
}

bool known_attribute(const RecordedPackage& package, std::string_view name) {
  return among(attributes, name) || is_variable(name) || is_switch(name) ||
         (package.torch && among(companion_attributes, name));
}

// `allowedRequisites = null` where nixpkgs has none: what mkDerivation gets is what it would get without.
bool sets_nothing(const RecordedPackage& package, const std::string& name) {
  const Json* value = package.attributes.find(name);
  return value && value->is_null() && !package.original.find(name);
}

void report_attributes(const Case& recipe, const RecordedPackage& package, Report& report) {
  const Json* env = package.attributes.find("env");
  for (const std::string& name : package.written) {
    if (sets_nothing(package, name)) continue;
    if (!known_attribute(package, name))
      report.add(recipe.at(name), fmt::format("sets {}, whose effect is unknown", name));
    else if (env && env->find(name))
      report.add(recipe.at(name), fmt::format("sets {0} beside env.{0}: Nix refuses to have both", name));
  }
  if (!env || !env->object()) return;
  for (const auto& [name, value] : *env->object()) {
    if (!is_variable(name) && !is_switch(name))
      report.add(recipe.at("env"), fmt::format("sets env.{}, whose effect is unknown", name));
  }
}

// Those of `names` that are not among `known`: "override is given a, b"; "" when there are none.
template <typename Keys>
std::string others_text(const Keys& names, Names known, std::string_view what) {
  std::vector<std::string> others;
  std::ranges::copy_if(names, std::back_inserter(others),
                       [&](const std::string& name) { return !among(known, name); });
  constexpr std::size_t most = 8;
  const std::size_t more = others.size() > most ? others.size() - most : 0;
  if (more > 0) others.resize(most);
  if (others.empty()) return "";
  return fmt::format("{} {}{}", what, fmt::join(others, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  if (const Json::Object* members = json.object()) {
    for (const auto& [name, value] : *members) keys.push_back(name);
  }
  return keys;
}

// Every Python of a pin, as package and as package set; CUDA's sets by their full names. What is in them is
// judged.
std::vector<std::string> other_overlaid(const RecordedPackage& package,
                                        std::span<const std::string> as_asked) {
  std::vector<std::string> names = package.overlaid;
  std::erase_if(names, [&](const std::string& name) {
    return name.starts_with("python3") || name.starts_with("cudaPackages_") || among(python_packages, name) ||
           std::ranges::find(as_asked, name) != as_asked.end();
  });
  return names;
}

void report_settings(const Case& recipe, const RecordedPackage& package, Report& report) {
  const auto add = [&](const Place& where, std::string text) {
    if (!text.empty()) report.add(where, std::move(text));
  };
  add(recipe.at("override"),
      others_text(keys_of(package.override_arguments), override_arguments, "override is given"));
  const std::vector<std::string> as_asked = recipe.asked && recipe.asked->package
                                                ? overlaid_as_asked(package, *recipe.asked->package)
                                                : std::vector<std::string>();
  for (UnreadPart& part : unread_parts(recipe.got, package, recipe.whole(), as_asked))
    report.add(std::move(part.where), std::move(part.what));
  for (const RecordedNixpkgs& used : recipe.got.nixpkgs)
    add(used.where, others_text(unread_config(used), {}, "nixpkgs is configured with"));
}

// nixpkgs' own patches, MAGMA's apart, and the one that the matrix makes of the tree's own parser.
void report_patches(const Case& recipe, const RecordedPackage& package, Report& report) {
  for (const RecordedPatch& patch : package.patches) {
    if (patch.fetcher == "nixpkgs" || patch.name == "<toFile:select_compute_arch.patch>") continue;
    report.add(recipe.at("patches"),
               fmt::format("adds the patch {}, which is not a known patch", patch.name));
  }
}

// The recorder has the names that a text mentions, and can have no others.
void report_asked_names(const Case& recipe, Report& report) {
  const Recorded& got = recipe.got;
  if (got.made_names.may_ask()) {
    report.add(recipe.whole(),
               "asks whether a set has a name that is put together at evaluation: nixpkgs may answer "
               "differently from an audit");
  }
  if (!got.looked_for.empty()) {
    report.add(recipe.whole(), fmt::format("asks a set of nixpkgs for names that it may have ({}): nixpkgs "
                                           "may answer differently from an audit",
                                           fmt::join(got.looked_for, ", ")));
  }
}

}  // namespace

bool is_known_shell_line(std::string_view line) {
  return std::ranges::any_of(lines, [&](std::string_view pattern) { return matches(line, pattern); });
}

std::vector<std::string> overlaid_as_asked(const RecordedPackage& got, const RecordedPackage& asked) {
  const auto given = [](const Json& package, std::string_view argument) {
    const Json* arguments = package.find("override");
    const Json* value = arguments ? arguments->find(argument) : nullptr;
    return value ? json_text(*value) : std::string();
  };
  const Json* blas = asked.override_arguments.find("blas");
  const std::string provider = blas ? given(*blas, "blasProvider") : "";
  std::vector<std::string> names;
  for (const std::string& name : got.overlaid) {
    const Json *mine = got.replaced.find(name), *wanted = asked.override_arguments.find(name);
    if (!mine) continue;
    const bool same = wanted && json_text(*mine) == json_text(*wanted);
    const bool goes_with_it =
        name == "lapack" && !provider.empty() && given(*mine, "lapackProvider") == provider;
    if (same || goes_with_it) names.push_back(name);
  }
  return names;
}

std::vector<UnreadPart> unread_parts(const Recorded& recorded, const RecordedPackage& package,
                                     const Place& whole, std::span<const std::string> as_asked) {
  std::vector<UnreadPart> parts;
  const auto add = [&](const Place& where, std::string what) {
    if (!what.empty()) parts.push_back({where, std::move(what)});
  };
  static constexpr std::string_view patches[] = {"patches"};
  static constexpr std::string_view of_triton[] = {"version", "src", "patches", "postPatch"},
                                    of_llvm[] = {"version", "src"};
  add(whole, others_text(other_overlaid(package, as_asked), overlaid_packages, "an overlay changes"));
  add(whole, others_text(package.extended, extended_packages, "changes the Python packages"));
  add(whole, others_text(package.added, {}, "adds to the finished package, where no build sees it,"));
  if (package.cuda)
    add(whole,
        others_text(package.cuda->changed, cuda_packages, fmt::format("changes in {}", package.cuda->set)));
  if (package.magma) {
    if (package.magma->package != "magma")
      add(whole, fmt::format("takes {} for MAGMA", package.magma->package));
    add(whole, others_text(package.magma->written, patches, "changes of MAGMA"));
  }
  if (package.triton && !package.triton->package.ends_with(".triton"))
    add(whole, fmt::format("takes {} for triton", package.triton->package));
  if (package.triton) add(whole, others_text(package.triton->written, of_triton, "changes of triton"));
  if (package.triton)
    add(whole, others_text(package.triton->llvm_written, of_llvm, "changes of triton's LLVM"));
  for (const RecordedNixpkgs& used : recorded.nixpkgs)
    add(used.where, others_text(unread_arguments(used), {}, "nixpkgs is given"));
  return parts;
}

// Of localSystem the system and the CPU are read.
std::vector<std::string> unread_arguments(const RecordedNixpkgs& used) {
  static constexpr std::string_view read[] = {"system", "config", "gcc"};
  std::vector<std::string> names;
  for (const std::string& name : keys_of(used.arguments)) {
    if (name != "localSystem") names.push_back(name);
    else if (const std::string more =
                 others_text(keys_of(*used.arguments.find(name)), read, "localSystem with");
             !more.empty())
      names.push_back(more);
  }
  return names;
}

// They refuse a package or let it pass: what it is, none of them changes.
bool is_permission(std::string_view key) {
  static constexpr std::string_view others[] = {
      "permittedInsecurePackages", "checkMeta",           "problems",
      "blocklistedLicenses",       "blacklistedLicenses", "whitelistedLicenses",
      "showDerivationWarnings"};
  return key.starts_with("allow") || among(others, key);
}

std::vector<std::string> unread_config(const RecordedNixpkgs& used) {
  std::vector<std::string> keys = keys_of(used.config);
  std::erase_if(keys, [](const std::string& key) { return among(config_keys, key) || is_permission(key); });
  return keys;
}

namespace {

void rule_not_understood(const Case& recipe, Report& report) {
  const RecordedPackage* package = judged_package(recipe);
  if (!package) return;
  report_attributes(recipe, *package, report);
  report_settings(recipe, *package, report);
  report_patches(recipe, *package, report);
  report_asked_names(recipe, report);
}

void rule_shell_unknown(const Case& recipe, Report& report) {
  const RecordedPackage* package = judged_package(recipe);
  if (!package) return;
  for (const char* phase : {"postPatch", "preConfigure", "preBuild"}) {
    const std::string text = package->text_of(phase);
    for (const std::string& line : other_commands(text)) {
      if (!is_known_shell_line(line))
        report.add(recipe.at(phase), fmt::format("this line of {} has an unknown effect: {}", phase, line));
    }
    ShellVariables assigned;
    apply_assignments(text, assigned);
    for (const auto& [name, value] : assigned) {
      if (is_variable(name) || among(phase_variables, name) || is_switch(name)) continue;
      report.add(recipe.at(phase), fmt::format("{} sets {}, whose effect is unknown", phase, name));
    }
  }
}

void rule_phase_replaced(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.is_torch() ? judged_package(recipe) : nullptr;
  if (!torch) return;
  for (const auto& [phase, own] : nixpkgs_text) {
    // nixpkgs has nothing there then
    if (phase == "preConfigure" && !torch->cuda_support.value_or(false)) continue;
    if (std::ranges::find(torch->written, phase) == torch->written.end() ||
        torch->text_of(phase).find(own) != std::string::npos)
      continue;
    report.add(recipe.at(phase), fmt::format("its {} replaces what nixpkgs does there", phase));
  }
}

// Packages of another CUDA than the one that torch is configured for: one process would load both.
void rule_cuda_mixed(const Case& recipe, Report& report) {
  const RecordedPackage* package = judged_package(recipe);
  if (!package || !package->cuda) return;
  std::vector<std::string> others;
  const auto look = [&](std::string_view text) {
    constexpr std::string_view start = "<cudaPackages";
    for (std::size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1)) {
      const std::string name(text.substr(at + 1, text.find_first_of(".>", at) - at - 1));
      if (name != package->cuda->set && std::ranges::find(others, name) == others.end())
        others.push_back(name);
    }
  };
  for (const char* list : {"buildInputs", "nativeBuildInputs", "propagatedBuildInputs"}) {
    const Json* inputs = package->attributes.find(list);
    if (!inputs || !inputs->array()) continue;
    for (const Json& item : *inputs->array()) {
      if (item.text()) look(*item.text());
    }
  }
  for (const auto& [name, value] : package->environment) look(value);
  if (!others.empty())
    report.add(recipe.whole(), fmt::format("is built with {} and takes from {} too", package->cuda->set,
                                           fmt::join(others, ", ")));
}

// What the rules say of the same recipe when it evaluates to `got`.
Findings findings_for(const Case& recipe, const Recorded& got) {
  return check_recipe({.spec = recipe.spec,
                       .got = got,
                       .file = recipe.file,
                       .stem = recipe.stem,
                       .name = recipe.name,
                       .want = recipe.want,
                       .promise = recipe.promise,
                       .folder = recipe.folder,
                       .fingerprint = recipe.fingerprint});
}

void rule_two_faced(const Case& recipe, Report& report) {
  std::optional<Findings> here;  // asked for only where there is something wrong with other answers: seldom
  for (const Recorded& otherwise : recipe.otherwise) {
    for (const Finding& finding : findings_for(recipe, otherwise)) {
      if (finding.severity != Severity::error) continue;
      if (!here) here = findings_for(recipe, recipe.got);
      // What is wrong in both is said already, or silenced.
      if (std::ranges::find(*here, finding.rule, &Finding::rule) != here->end()) continue;
      report.add(recipe.whole(),
                 fmt::format("is right only with the answers that an audit gives; with others: {} [{}]",
                             finding.what, finding.rule));
      return;
    }
  }
}

}  // namespace

std::span<const Rule> understood_rules() {
  static constexpr Rule table[] = {
      {"not-understood", Severity::error,
       "The recipe sets something that no rule of the audit reads: an attribute, a variable, an "
       "argument, a package of an overlay. Or it asks nixpkgs for a name that it puts together, and an "
       "audit cannot know the answer. It may be harmless, or change all that is built. So the audit "
       "cannot say that the recipe is right.",
       "remove it, or say why it may stay: [[silence]] in the matrix", rule_not_understood},
      {"shell-unknown", Severity::error,
       "A phase runs a command that the audit does not know. Assignments and the lines that torchlathe "
       "writes "
       "are understood; sed, cp and conditions may change anything.",
       "remove it, or say why it may stay: [[silence]] in the matrix", rule_shell_unknown},
      {"phase-replaced", Severity::error,
       "nixpkgs' torch does part of its work in this phase. A recipe that sets it without (old.PHASE or "
       "\"\") in front drops that work.",
       "write (old.PHASE or \"\") + ''...''", rule_phase_replaced},
      {"cuda-mixed", Severity::error,
       "Packages of two CUDA releases in one build: headers of one, libraries of the other, and both "
       "runtimes "
       "in one process.",
       "take all from pkgs.cudaPackages", rule_cuda_mixed},
      {"two-faced", Severity::error,
       "The recipe asks something of the machine, of a version or of a path, and changes with the answer. "
       "What an audit sees of it is not what Nix builds elsewhere.",
       "write down the value that the recipe asks for", rule_two_faced},
  };
  return table;
}

}  // namespace lathe
