// SPDX-License-Identifier: MIT
// [extra] of the matrix, held against the recipe: all of it must be there, and nothing else under its names.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/import/import_extra.h"
#include "audit/import/nix_value.h"
#include "audit/import/understood.h"
#include "audit/rules/rule.h"
#include "base/finding.h"
#include "base/json.h"
#include "matrix/extra.h"
#include "matrix/values/nix_text.h"
#include "nix/record.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

constexpr std::array<std::string_view, 3> read_phases = {"postPatch", "preConfigure", "preBuild"};
// Of these a recipe may have more than what is asked for.
constexpr std::array<std::string_view, 4> shared = {"passthru", "meta", "env", "patches"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

class ExtraCheck {
 public:
  ExtraCheck(const Case& recipe, Report& report)
      : recipe_(recipe),
        report_(report),
        extra_(recipe.want->settings->extra),
        lacks_(difference_of(*recipe.asked, recipe.asked_path, recipe.got, recipe.folder_path)),
        has_(difference_of(recipe.got, recipe.folder_path, *recipe.asked, recipe.asked_path)) {}

  void run() {
    values(extra_.environment, lacks_.extra.environment, "", "the variable");
    values(extra_.override_arguments, lacking_arguments(), "override.", "override's");
    values(extra_.config, lacks_.extra.config, "", "nixpkgs' setting");
    values(extra_.nixpkgs, lacks_.extra.nixpkgs, "", "nixpkgs' argument");
    values(extra_.packages, lacks_.extra.packages, "", "the package");
    values(extra_.python, lacks_.extra.python, "", "Python's package");
    values(extra_.cuda, lacks_.extra.cuda, "", "CUDA's package");
    for (const std::string& text : extra_.attributes) {
      for (const std::string& name : nix_bound_names(text)) attribute(name);
    }
  }

 private:
  // An overlay may bring them too.
  std::map<std::string, std::string> lacking_arguments() const {
    std::map<std::string, std::string> lacking = lacks_.extra.override_arguments;
    for (const std::string& name : overlaid_as_asked(*recipe_.package(), *recipe_.asked->package))
      lacking.erase(name);
    return lacking;
  }

  void values(const std::map<std::string, std::string>& asked,
              const std::map<std::string, std::string>& missing, std::string_view prefix,
              std::string_view kind) {
    for (const auto& [name, value] : asked) {
      if (missing.contains(name))
        report_.add(recipe_.at(fmt::format("{}{}", prefix, name)),
                    fmt::format("lacks {} {} = {} of the matrix", kind, name, value));
    }
  }

  void attribute(const std::string& name) {
    if (is_in(read_phases, name)) return phase(name);
    const bool same = is_in(shared, name) ? !changes(lacks_, name) && !changes(has_, name)
                                          : json_text(of(*recipe_.asked, name), recipe_.asked_path) ==
                                                json_text(of(recipe_.got, name), recipe_.folder_path);
    if (!same) report_.add(recipe_.at(name), fmt::format("its {} is not that of the matrix", name));
  }

  static const Json& of(const Recorded& recorded, const std::string& name) {
    static const Json none;
    const Json* value = recorded.package ? recorded.package->attributes.find(name) : nullptr;
    return value ? *value : none;
  }

  static bool changes(const Difference& difference, const std::string& name) {
    const auto sets = [&](const std::string& text) { return text.starts_with(name + " = "); };
    return difference.why.find(" " + name) != std::string::npos ||
           std::ranges::any_of(difference.extra.attributes, sets);
  }

  // Lines that the audit does not know must be those that are asked for; others, in any order, are judged
  // elsewhere.
  void phase(const std::string& name) {
    const std::vector<std::string> lines = other_commands(recipe_.got.package->text_of(name));
    for (const std::string& line : other_commands(recipe_.asked->package->text_of(name))) {
      if (is_known_shell_line(line) || std::ranges::find(lines, line) != lines.end()) continue;
      report_.add(recipe_.at(name), fmt::format("its {} lacks a line of the matrix: {}", name, line));
    }
    ShellVariables assigned;
    apply_assignments(recipe_.asked->package->text_of(name), assigned);
    for (const auto& [variable, value] : lacks_.extra.environment) {
      if (!assigned.contains(variable) || extra_.environment.contains(variable)) continue;
      report_.add(recipe_.at(name),
                  fmt::format("its {} lacks the variable {} = {} of the matrix", name, variable, value));
    }
  }

  const Case& recipe_;
  Report& report_;
  const Extra& extra_;
  const Difference lacks_, has_;
};

void rule_extra(const Case& recipe, Report& report) {
  if (!recipe.asked || !recipe.want || !recipe.package()) return;
  if (!recipe.asked->package) {
    const std::string why = recipe.asked->failure ? recipe.asked->failure->message : "it is not a package";
    return report.add(recipe.whole(),
                      fmt::format("what the matrix asks for under [extra] does not evaluate: {}", why),
                      "mend [extra]");
  }
  ExtraCheck(recipe, report).run();
}

}  // namespace

std::span<const Rule> extra_rules() {
  static constexpr Rule table[] = {
      {"extra", Severity::error,
       "[extra] in the matrix has settings without a key of their own: variables, arguments of "
       "override, Nix. The recipe lacks one of them, or sets it differently.",
       write_anew, rule_extra},
  };
  return table;
}

}  // namespace lathe
