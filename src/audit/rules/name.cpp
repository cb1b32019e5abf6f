// SPDX-License-Identifier: MIT
// What a recipe and its package are called, and whether two of a folder are the same thing or claim the same
// name.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/rules/rule.h"
#include "base/finding.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {
namespace {

enum class Problem { dot, suffix, grammar };

Problem kind_of(const NameProblem& problem) {
  if (problem.what.starts_with("the dot")) return Problem::dot;
  return problem.what.starts_with("\"-") ? Problem::suffix : Problem::grammar;
}

void report_problems(const Case& recipe, Report& report, Problem wanted) {
  if (recipe.want && recipe.want->name == recipe.stem) return;  // the matrix has its own names
  const bool ours = std::ranges::any_of(std::array{"pytorch", "torchvision", "torchaudio"},
                                        [&](const char* p) { return recipe.stem.starts_with(p); });
  if (!ours) return;  // another package has other names
  for (const NameProblem& problem : recipe.name.problems) {
    if (kind_of(problem) == wanted) report.add(recipe.whole(), "its name: " + problem.what, problem.next);
  }
}

void rule_name_dot(const Case& recipe, Report& report) { report_problems(recipe, report, Problem::dot); }
void rule_name_suffix(const Case& recipe, Report& report) {
  report_problems(recipe, report, Problem::suffix);
}
void rule_name_grammar(const Case& recipe, Report& report) {
  report_problems(recipe, report, Problem::grammar);
}

void rule_pname(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package || !recipe.promise) return;
  if (recipe.want) {
    if (package->pname != recipe.want->pname) {
      report.add(recipe.at("pname"), fmt::format("calls itself \"{}\", the matrix calls it {}",
                                                 package->pname, recipe.want->pname));
    }
    return;
  }
  NameReading own = read_variant_name(package->pname);
  if (!own.name || !recipe.name.name) return;
  own.name->release = recipe.name.name->release;
  if (own.name->text() != recipe.name.name->text()) {
    report.add(recipe.at("pname"),
               fmt::format("calls itself \"{}\", its file is called {}", package->pname, recipe.stem));
  }
}

void rule_pname_release(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package || package->version.empty()) return;
  const NameReading own = read_variant_name(package->pname);
  if (!own.name || own.name->package != "pytorch") return;
  const std::string digits = digits_of(package->version);
  if (own.name->release.empty()) {
    report.add(recipe.at("pname"),
               fmt::format("\"{}\" does not say which PyTorch it is: another branch's {} has the same name",
                           package->pname, own.name->package));
  } else if (own.name->release != digits) {
    report.add(recipe.at("pname"), fmt::format("\"{}\" says release {}, it builds {}", package->pname,
                                               own.name->release, package->version));
  }
}

void rule_pname_collision(const Case& recipe, Report& report) {
  const RecordedPackage* package = recipe.package();
  if (!package || !recipe.folder) return;
  const auto found = recipe.folder->files_of_pname.find(package->pname);
  if (found == recipe.folder->files_of_pname.end() || found->second.size() < 2) return;
  const auto versions = recipe.folder->versions_of_pname.find(package->pname);
  std::vector<std::string> others;
  std::ranges::copy_if(found->second, std::back_inserter(others),
                       [&](const std::string& file) { return file != recipe.got.file; });
  report.add(recipe.at("pname"),
             fmt::format("{} calls itself \"{}\" too{}", fmt::join(others, ", "), package->pname,
                         versions->second.size() > 1 ? ", with another PyTorch" : ""));
}

void rule_duplicate(const Case& recipe, Report& report) {
  if (!recipe.folder || recipe.fingerprint.empty()) return;
  const auto first = recipe.folder->first_with.find(recipe.fingerprint);
  if (first == recipe.folder->first_with.end() || first->second == recipe.got.file) return;
  report.add(recipe.whole(), fmt::format("builds the same as {}", first->second));
}

}  // namespace

std::span<const Rule> name_rules() {
  static constexpr Rule table[] = {
      {"name-dot", Severity::error,
       "A dot in a file name separates attributes in Nix: NAME.8.2 is the attribute 2 of the attribute "
       "8. Nothing can refer to such a package.",
       "write _ for the dot", rule_name_dot, true},
      {"name-suffix", Severity::error,
       "The name goes on after the instruction set: -cu128 says CUDA a second time, -magma and -nightly "
       "are not what tells variants apart. The same build then has two names.",
       "remove the suffix", rule_name_suffix, true},
      {"name-grammar", Severity::error,
       "The name is not built as package, python, CUDA, GPU, instruction set, so tools cannot read from "
       "it what the recipe builds.",
       "name it as in pytorch-python313-cuda13_0-sm120-avx512", rule_name_grammar, true},
      {"pname", Severity::error,
       "The pname differs from the name of the file or the name in the matrix. Stores, logs and `flox "
       "list` show the pname.",
       "set pname to the matrix' name", rule_pname, true},
      {"pname-release", Severity::note,
       "The pname does not name the PyTorch release that is built, so branches with different releases make "
       "packages of one name.",
       "put the release into the pattern: {package}{pytorch}-...", rule_pname_release},
      {"pname-collision", Severity::warning,
       "Two recipes of the folder make packages of the same name. Only one of them can be installed or "
       "published.",
       "give each its own pname", rule_pname_collision},
      {"duplicate", Severity::warning,
       "Another recipe of the folder builds exactly the same. Two builds of three hours give one result, and "
       "one of them will be forgotten in the next change.",
       "delete one of them", rule_duplicate},
  };
  return table;
}

}  // namespace lathe
