// SPDX-License-Identifier: MIT
// A rule of the audit: what it sees of a recipe (Case) and how it reports. A rule reads what the recipe
// evaluated to and the hardware tables; only where nothing was evaluated (names, descriptions) does it read
// text. The table of all rules is in rules.cpp, their functions in rules/.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "hardware/nixpkgs.h"
#include "matrix/spec.h"
#include "nix/record.h"

namespace lathe {

// What a recipe must be: as the wanted variant says, or, where no variant wants it, as its own name says.
struct Promise {
  std::string package, python;  // "pytorch", "3.13"
  std::string release;          // "2.10.0"; "" where only the name speaks
  std::optional<Version> cuda;  // nullopt: CPU only
  std::vector<Capability> gpus;
  const Isa* isa = nullptr;
  std::vector<std::string> words = {};  // of axes that are off unless used: "mkl"
  bool is_gpu() const { return cuda.has_value(); }
};

// What the recipes of a folder are together.
struct FolderFacts {
  std::map<std::string, std::vector<std::string>> files_of_pname;  // pname -> files
  std::map<std::string, std::set<std::string>> versions_of_pname;
  std::map<std::string, std::map<std::string, int>> pins_of_cuda;  // "13.0" -> revision -> recipes
  // fingerprint -> the file that is the right one
  std::map<std::string, std::string> first_with;
};

struct Case {
  const MatrixSpec& spec;
  const Recorded& got;
  std::string file;         // as shown: "recipes/NAME.nix"
  std::string stem;         // "NAME"
  const NameReading& name;  // of the stem
  const Variant* want = nullptr;
  std::optional<Promise> promise = {};  // nullopt: neither a variant nor a name that can be read
  const FolderFacts* folder = nullptr;
  std::string fingerprint = {};
  // What generate writes for the variant, where the matrix has [extra] for it, and the folders in which both
  // were evaluated.
  const Recorded* asked = nullptr;
  std::string folder_path = {}, asked_path = {};
  // what it evaluates to where the recorder makes up other things (two-faced)
  std::span<const Recorded> otherwise = {};

  const RecordedPackage* package() const { return got.package ? &*got.package : nullptr; }
  // The torch that the recipe builds, or hands to the companion that it builds; nullptr: none that nixpkgs'
  // torch is.
  const RecordedPackage* torch() const;
  bool is_companion() const;
  const NixpkgsFacts* nixpkgs() const;  // what is known of the one that it uses; nullptr: nothing
  bool is_torch() const { return got.package && got.package->builder == "torch"; }
  Place whole() const { return {.file = file}; }
  // Where the recipe wrote `key` (RecordedPackage::where), or the file as a whole.
  Place at(std::string_view key) const;
};

class Report;
using RuleFunction = void (*)(const Case&, Report&);

struct Rule {
  std::string_view name;  // "gpu-targets"
  Severity severity;
  std::string_view explanation;  // for a newcomer, whole sentences
  std::string_view repair;
  RuleFunction check;
  bool about_name = false;  // mended by renaming the file
};

// What one rule finds.
class Report {
 public:
  Report(const Rule& rule, Findings& out) : rule_(rule), out_(out) {}
  void add(Place where, std::string what, std::string fix = "") {
    out_.add({.rule = std::string(rule_.name),
              .severity = rule_.severity,
              .where = std::move(where),
              .what = std::move(what),
              .fix = fix.empty() ? std::string(rule_.repair) : std::move(fix)});
  }

 private:
  const Rule& rule_;
  Findings& out_;
};

std::span<const Rule> rules();
const Rule& find_rule(std::string_view name);  // an Error with a guess

// Every rule over one recipe, in the table's order.
Findings check_recipe(const Case& recipe);

// One line for what a recipe builds, the same for two that build the same under different names.
std::string fingerprint_of(const Recorded& recorded);

// ---- Rules, one row each in rules.cpp
// -------------------------------------------------------------------------------

// rules/evaluation.cpp
void rule_syntax(const Case&, Report&);
void rule_evaluation(const Case&, Report&);
void rule_not_evaluated(const Case&, Report&);
void rule_not_a_package(const Case&, Report&);
void rule_from_scratch(const Case&, Report&);
void rule_unknown_name(const Case&, Report&);
// rules/name.cpp
void rule_name_dot(const Case&, Report&);
void rule_name_suffix(const Case&, Report&);
void rule_name_grammar(const Case&, Report&);
void rule_pname(const Case&, Report&);
void rule_pname_release(const Case&, Report&);
void rule_pname_collision(const Case&, Report&);
void rule_duplicate(const Case&, Report&);
// rules/gpu.cpp
void rule_gpu_dialect(const Case&, Report&);
void rule_gpu_targets(const Case&, Report&);
void rule_impossible_pair(const Case&, Report&);
void rule_impossible_wanted(const Case&, Report&);
void rule_redundant_pair(const Case&, Report&);
void rule_toolkit_range(const Case&, Report&);
void rule_cudnn(const Case&, Report&);
void rule_config_capabilities(const Case&, Report&);
// rules/cuda.cpp
void rule_cuda_off(const Case&, Report&);
void rule_cuda_in_cpu(const Case&, Report&);
void rule_cuda_version(const Case&, Report&);
void rule_cuda_unknown(const Case&, Report&);
void rule_moving_alias(const Case&, Report&);
void rule_cuda_config(const Case&, Report&);
void rule_magma_patch_missing(const Case&, Report&);
void rule_magma_patch_twice(const Case&, Report&);
void rule_cccl_links(const Case&, Report&);
void rule_cccl_output(const Case&, Report&);
void rule_jetson_config(const Case&, Report&);
void rule_find_cuda_toolkit(const Case&, Report&);
// rules/cpu.cpp
void rule_isa_excess(const Case&, Report&);
void rule_isa_missing(const Case&, Report&);
void rule_isa_switches(const Case&, Report&);
void rule_flags_unknown(const Case&, Report&);
void rule_switched_off(const Case&, Report&);
void rule_platform_wrong(const Case&, Report&);
void rule_platforms_wide(const Case&, Report&);
void rule_system(const Case&, Report&);
// rules/pin.cpp
void rule_pin(const Case&, Report&);
void rule_pin_missing(const Case&, Report&);
void rule_pin_mixed(const Case&, Report&);
void rule_pin_hash(const Case&, Report&);
void rule_empty_hash(const Case&, Report&);
void rule_gone_alias(const Case&, Report&);
void rule_impure(const Case&, Report&);
void rule_fetched_import(const Case&, Report&);
// rules/torch.cpp
void rule_torch_version(const Case&, Report&);
void rule_torch_source(const Case&, Report&);
void rule_build_version(const Case&, Report&);
void rule_python(const Case&, Report&);
void rule_blas(const Case&, Report&);
void rule_unknown_argument(const Case&, Report&);
void rule_dead_override(const Case&, Report&);
void rule_dead_cmake_flags(const Case&, Report&);
void rule_dead_max_jobs(const Case&, Report&);
void rule_dead_ninja_flags(const Case&, Report&);
void rule_dead_features(const Case&, Report&);
void rule_job_limit(const Case&, Report&);
void rule_compile_cache(const Case&, Report&);
void rule_passthru(const Case&, Report&);
// rules/understood.cpp
void rule_not_understood(const Case&, Report&);
void rule_shell_unknown(const Case&, Report&);
void rule_phase_replaced(const Case&, Report&);
void rule_cuda_mixed(const Case&, Report&);
void rule_two_faced(const Case&, Report&);
// rules/extra.cpp
void rule_extra(const Case&, Report&);
// rules/upgrade.cpp
void rule_patch_dropped(const Case&, Report&);
void rule_patch_stale(const Case&, Report&);
void rule_old_substitutions(const Case&, Report&);
void rule_triton(const Case&, Report&);
void rule_metadata_name(const Case&, Report&);
// rules/carve.cpp
void rule_carve_base(const Case&, Report&);
// rules/companion.cpp
void rule_torch_output(const Case&, Report&);
void rule_dev_output(const Case&, Report&);
void rule_embedded_torch(const Case&, Report&);
void rule_companion_gpus(const Case&, Report&);
void rule_companion_config(const Case&, Report&);
void rule_companion_torch(const Case&, Report&);
void rule_companion_version(const Case&, Report&);
// rules/description.cpp
void rule_description_gpu(const Case&, Report&);
void rule_description_cpu(const Case&, Report&);
void rule_driver_floor(const Case&, Report&);
void rule_description_cuda(const Case&, Report&);
void rule_description_python(const Case&, Report&);
void rule_description_arch(const Case&, Report&);

}  // namespace lathe
