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
#include <utility>
#include <vector>

#include "base/finding.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
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

inline constexpr std::string_view write_anew = "torchlathe apply writes it anew";  // a rule's repair

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

// The rules of each subject, one row each at the end of rules/<subject>.cpp; this is their order.
std::span<const Rule> evaluation_rules();
std::span<const Rule> name_rules();
std::span<const Rule> gpu_rules();
std::span<const Rule> cuda_rules();
std::span<const Rule> cpu_rules();
std::span<const Rule> pin_rules();
std::span<const Rule> torch_rules();
std::span<const Rule> upgrade_rules();
std::span<const Rule> carve_rules();
std::span<const Rule> companion_rules();
std::span<const Rule> understood_rules();
std::span<const Rule> extra_rules();
std::span<const Rule> description_rules();

}  // namespace lathe
