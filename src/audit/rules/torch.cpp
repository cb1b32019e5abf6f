// SPDX-License-Identifier: MIT
// Which PyTorch and Python a recipe builds, and settings in it that do nothing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/nixpkgs.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {
namespace {

const RecordedPackage* own_torch(const Case& recipe) {
  return recipe.is_torch() ? recipe.package() : nullptr;
}

bool wrote(const RecordedPackage& package, std::string_view key) { return !package.where(key).file.empty(); }

// "python313Packages.torch" -> "313"; "" for python3Packages and anything else.
std::string python_digits(std::string_view attribute) {
  if (!attribute.starts_with("python")) return "";
  attribute.remove_prefix(6);
  const std::size_t end = attribute.find_first_not_of("0123456789");
  return end == std::string_view::npos || end < 2 ? "" : std::string(attribute.substr(0, end));
}

std::vector<std::string> texts(const Json* json) {
  std::vector<std::string> result;
  if (json && json->array()) {
    for (const Json& item : *json->array()) result.push_back(item.text() ? *item.text() : "");
  }
  return result;
}

// GitHub's archives have no submodules, and fetchFromGitHub asks for none by itself.
bool without_submodules(const RecordedPackage& torch) {
  const Json* source = torch.attributes.find("src");
  const Json* arguments = source ? source->find("arguments") : nullptr;
  const Json* asked = arguments ? arguments->find("fetchSubmodules") : nullptr;
  return torch.source && torch.source->how == "fetchFromGitHub" &&
         !(asked && asked->get<bool>() && *asked->get<bool>());
}

void rule_torch_version(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || !recipe.want || torch->version.empty() || torch->version == "unknown" ||
      torch->version == recipe.want->pytorch->version)
    return;
  report.add(recipe.at("version"), fmt::format("builds PyTorch {}, the matrix wants {}", torch->version,
                                               recipe.want->pytorch->version));
}

void rule_torch_source(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || !recipe.want) return;
  const PytorchSource& want = *recipe.want->pytorch;
  const Place where = recipe.at("src");
  if (!torch->source && std::ranges::find(torch->written, "src") != torch->written.end()) {
    return report.add(where, fmt::format("takes its source from {}, which is not a known source",
                                         torch->source_text.empty() ? "somewhere" : torch->source_text));
  }
  if (!torch->source) {
    if (recipe.want->nixpkgs->torch != want.version)
      report.add(where, fmt::format("builds the source in nixpkgs ({}), not that of {}", torch->source_text,
                                    want.version));
    return;
  }
  const RecordedFetch& got = *torch->source;
  if (got.owner != want.owner || got.repo != want.repo || (!want.rev.empty() && got.rev != want.rev)) {
    report.add(where, fmt::format("fetches {}/{} {}, the matrix wants {}/{} {}", got.owner, got.repo, got.rev,
                                  want.owner, want.repo, want.rev));
  } else if (got.hash && !got.hash->empty() && !want.hash.empty() && *got.hash != want.hash) {
    report.add(where, fmt::format("the hash of its source is {}, the matrix has {}", *got.hash, want.hash));
  } else if (without_submodules(*torch)) {
    report.add(where, "fetches its source without submodules, which PyTorch needs");
  }
}

void rule_build_version(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || torch->build_version.empty() || torch->build_version == torch->version) return;
  report.add(recipe.at("version"), fmt::format("says version {}, but setup.py sees PYTORCH_BUILD_VERSION={}",
                                               torch->version, torch->build_version));
}

// Where the matrix wants it, its own rule (`extra`) holds the recipe against all that its axes ask for.
void rule_blas(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || !recipe.promise || recipe.asked) return;
  const Json* provider = torch->passthru("blasProvider");
  const std::string got = provider && provider->text() ? *provider->text() : "";
  for (const BlasLibrary& library : nixpkgs_tables().blas) {
    const auto& words = recipe.promise->words;
    if (std::ranges::find(words, library.name) == words.end()) continue;
    if (!got.starts_with("<" + library.provider))
      report.add(recipe.at("override.blas"),
                 fmt::format("is linked with {}, its name says {}", got, library.name));
  }
}

void rule_python(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package || !recipe.promise) return;
  const std::string digits = python_digits(package->attribute);
  const std::string want = digits_of(recipe.promise->python);
  if (!digits.empty() && digits != want)
    report.add(recipe.whole(), fmt::format("is built for {}, its name says Python {}", package->attribute,
                                           recipe.promise->python));
}

void rule_unknown_argument(const Case& recipe, Report& report) {
  for (const std::string& name : recipe.got.unknown_arguments) {
    report.add(recipe.at("override." + name),
               fmt::format("override is given \"{}\", which torch does not take: Nix stops there", name));
  }
}

void rule_dead_override(const Case& recipe, Report& report) {
  const RecordedPackage* torch = recipe.torch();
  if (!torch || !torch->cuda_support.value_or(false)) return;
  const Json* magma = torch->override_arguments.find("magma");
  if (magma)
    report.add(recipe.at("override.magma"),
               "override's \"magma\" does nothing with CUDA: the build takes magma-cuda-static");
}

void rule_dead_cmake_flags(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (torch && wrote(*torch, "cmakeFlags"))
    report.add(recipe.at("cmakeFlags"),
               "cmakeFlags do nothing: torch is configured by setup.py, which reads variables");
}

void rule_dead_max_jobs(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || torch->variable("MAX_JOBS") != "$NIX_BUILD_CORES") return;
  const bool early = torch->text_of("preConfigure").find("MAX_JOBS=") != std::string::npos ||
                     torch->text_of("postPatch").find("MAX_JOBS=") != std::string::npos;
  if (early || wrote(*torch, "MAX_JOBS")) {
    report.add(
        recipe.at(early ? "preConfigure" : "MAX_JOBS"),
        "its MAX_JOBS is overwritten: nixpkgs sets it to $NIX_BUILD_CORES in preBuild, which runs later");
  }
}

void rule_dead_ninja_flags(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (torch && wrote(*torch, "ninjaFlags"))
    report.add(recipe.at("ninjaFlags"),
               "ninjaFlags do nothing: torch is built by setup.py, not by ninja's hook");
}

void rule_dead_features(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (torch && wrote(*torch, "requiredSystemFeatures") &&
      torch->system_features == std::vector<std::string>{"big-parallel"}) {
    report.add(recipe.at("requiredSystemFeatures"), "requiredSystemFeatures says what nixpkgs says already");
  }
}

void rule_job_limit(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || !recipe.want) return;
  const Settings& settings = *recipe.want->settings;
  const std::string jobs = torch->variable("MAX_JOBS");
  // the latter is dead-max-jobs' matter
  if (settings.jobs == 0 || jobs.empty() || jobs == "$NIX_BUILD_CORES") return;
  const std::string phase = torch->text_of("preBuild");
  if (phase.find(std::to_string(settings.jobs)) == std::string::npos) {
    report.add(recipe.at("preBuild"),
               fmt::format("limits its compile jobs differently from the matrix ({})", settings.jobs));
  }
}

void rule_compile_cache(const Case& recipe, Report& report) {
  const RecordedPackage* torch = own_torch(recipe);
  if (!torch || !recipe.want) return;
  const std::string& wanted = recipe.want->settings->compile_cache;
  const bool launched = torch->environment.contains("CMAKE_CXX_COMPILER_LAUNCHER");
  const std::string folder = launched ? torch->variable("CCACHE_DIR") : "";
  if (wanted.empty()) return;
  if (folder == wanted) {
    // Without the first three the cache is not asked or never answers, without the others it answers for
    // another build or fails.
    for (const char* name :
         {"CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CUDA_COMPILER_LAUNCHER", "CCACHE_BASEDIR", "CCACHE_NOHASHDIR",
          "CCACHE_SLOPPINESS", "CCACHE_COMPILERCHECK", "CCACHE_UMASK"}) {
      if (torch->environment.contains(name) ||
          (std::string_view(name).find("CUDA") != std::string_view::npos &&
           !torch->cuda_support.value_or(false)))
        continue;
      report.add(recipe.at("preConfigure"), fmt::format("its compile cache lacks {}", name));
    }
    return;
  }
  report.add(recipe.at("preConfigure"),
             folder.empty() ? fmt::format("compiles without the matrix' compile cache {}", wanted)
                            : fmt::format("has its compile cache in {}, the matrix in {}", folder, wanted));
}

// What the package says of itself to those that read it: companions read cudaCapabilities, tools read the
// rest.
void rule_passthru(const Case& recipe, Report& report) {
  const RecordedPackage* package = own_torch(recipe);
  if (!package || !recipe.promise || !recipe.promise->isa) return;
  std::vector<std::string> gpus;
  for (const Capability gpu : recipe.promise->gpus) gpus.push_back(spell(gpu, Dialect::dotted));
  const auto lie = [&](std::string_view key, const std::string& says, const std::string& is) {
    report.add(recipe.at(fmt::format("passthru.{}", key)),
               fmt::format("passthru.{} says {}, it is {}", key, says, is));
  };
  if (const Json* isa = package->passthru("cpuISA");
      isa && isa->text() && *isa->text() != recipe.promise->isa->name)
    lie("cpuISA", *isa->text(), recipe.promise->isa->name);
  if (const Json* arch = package->passthru("gpuArch"); arch && arch->text() && gpus.size() == 1) {
    const auto spelled = parse_capability(*arch->text());
    if (!spelled || spelled->capability != recipe.promise->gpus.front())
      lie("gpuArch", *arch->text(), gpus.front());
  }
  const Json* own = package->passthru("torchlathe");
  if (!own || !own->object()) return;
  const auto compare = [&](const char* key, const std::string& is) {
    if (const std::string says = own->text_of(key); says != is)
      lie(fmt::format("torchlathe.{}", key), says.empty() ? "nothing" : says, is.empty() ? "none" : is);
  };
  compare("isa", recipe.promise->isa->name);
  compare("python", recipe.promise->python);
  compare("cuda", recipe.promise->cuda ? recipe.promise->cuda->text() : "");
  if (recipe.want) compare("variant", recipe.want->name);
  if (recipe.want) compare("pytorch", recipe.want->pytorch->version);
  if (recipe.want && recipe.want->cell->min_driver)
    compare("minimumDriver", recipe.want->cell->min_driver->text());
  for (const auto& [key, list] : {std::pair{"torchlathe.gpus", own->find("gpus")},
                                  std::pair{"cudaCapabilities", package->passthru("cudaCapabilities")}}) {
    if (list && list->array() && texts(list) != gpus)
      lie(key, fmt::format("{}", fmt::join(texts(list), ", ")), fmt::format("{}", fmt::join(gpus, ", ")));
  }
}

}  // namespace

std::span<const Rule> torch_rules() {
  static constexpr Rule table[] = {
      {"torch-version", Severity::error,
       "The recipe builds another PyTorch release than the matrix asks for.", write_anew, rule_torch_version},
      {"torch-source", Severity::error,
       "The recipe takes its source from elsewhere, or its hash differs from the matrix'.", write_anew,
       rule_torch_source},
      {"build-version", Severity::warning,
       "nixpkgs fixes PYTORCH_BUILD_VERSION before overrideAttrs can change version, so the built "
       "package names the old release (and asserts on TORCH_FEATURE_VERSION).",
       "export PYTORCH_BUILD_VERSION in preConfigure", rule_build_version},
      {"python", Severity::error,
       "The recipe takes torch from the package set of another Python than it is named for.", write_anew,
       rule_python},
      {"blas", Severity::error,
       "The name says with which library of linear algebra torch is linked, and its argument blas has "
       "another "
       "as provider.",
       "blas = pkgs.blas.override { blasProvider = pkgs.mkl; } as an argument of override", rule_blas},
      {"unknown-argument", Severity::error,
       "override takes only the arguments that the package has. Nix stops with \"unexpected argument\".",
       write_anew, rule_unknown_argument},
      {"dead-override", Severity::warning, "This argument of override has no effect here.", "remove it",
       rule_dead_override},
      {"dead-cmake-flags", Severity::warning,
       "nixpkgs' torch sets dontUseCmakeConfigure: cmakeFlags are never read. The variables beside them do "
       "the "
       "work.",
       "remove them, or export the variable", rule_dead_cmake_flags},
      {"dead-max-jobs", Severity::warning,
       "A limit on compile jobs that is overwritten before the build begins. The build takes all cores, and "
       "memory may not suffice.",
       "set MAX_JOBS in preBuild", rule_dead_max_jobs},
      {"dead-ninja-flags", Severity::warning,
       "ninja's hook is not used for this build: ninjaFlags are never read.", "remove them",
       rule_dead_ninja_flags},
      {"dead-features", Severity::warning, "nixpkgs' torch asks for a big-parallel builder by itself.",
       "remove it", rule_dead_features},
      {"job-limit", Severity::warning,
       "The recipe limits its compile jobs in another way than the matrix says.", write_anew, rule_job_limit},
      {"compile-cache", Severity::warning,
       "The recipe keeps the results of its compilers in another place than the matrix says, or compiles "
       "everything "
       "anew.",
       write_anew, rule_compile_cache},
      {"passthru", Severity::warning, "The package states wrong properties to companions and tools.",
       write_anew, rule_passthru},
  };
  return table;
}

}  // namespace lathe
