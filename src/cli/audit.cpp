// SPDX-License-Identifier: MIT
// `torchlathe audit`: what is wrong with each recipe of a folder. Changes nothing.
#include "audit/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "audit/print.h"
#include "audit/rules/rule.h"
#include "audit/seed_checks.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/recipe_folder.h"
#include "matrix/spec.h"
#include "os/terminal.h"
#include "report/finding_style.h"

namespace lathe {
namespace audit_command {

struct Options {
  MatrixOption matrix;
  std::string folder;
  std::string format = "text";
  std::string explain;
  bool strict = false;
  bool all = false;
  bool seed_checks = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder, false);
  options.matrix.declare(set);
  set.choice("-f,--format", options.format, {"text", "json", "sarif"}, "how to print [text]");
  set.flag("--strict", options.strict, "warnings count as errors");
  set.flag("-a,--all", options.all, "notes too, and recipes without findings");
  set.text("--explain", options.explain, "RULE", "what a rule means and how to fix it; all: every rule");
  std::vector<std::string> names = {"all"};
  for (const Rule& rule : rules()) names.emplace_back(rule.name);
  set.values(std::move(names));
  set.flag("--seed-checks", options.seed_checks, "the counts and patterns that people used to grep for");
}

std::string text_of(const Rule& rule) {
  return fmt::format("{} ({})\n  {}\n  fix: {}\n", rule.name, to_string(rule.severity), rule.explanation,
                     rule.repair);
}

int explain(const Options& options, Terminal& terminal) {
  if (options.explain == "all") {
    for (const Rule& rule : rules()) terminal.out(text_of(rule) + "\n");
  } else {
    terminal.out(text_of(find_rule(options.explain)));
  }
  return 0;
}

void print_finding(const Finding& finding, Terminal& terminal) {
  const std::string line =
      finding.where.line > 0 ? fmt::format("{}:{}: ", finding.where.line, finding.where.column) : "";
  terminal.print("  {} {}{} [{}]\n", terminal.styled(style_of(finding.severity), to_string(finding.severity)),
                 line, printable(finding.what), finding.rule);
}

// The same warning in many recipes is one line at the end, not one in each.
void print_common(const std::map<std::pair<std::string, std::string>, std::vector<std::string>>& warnings,
                  Terminal& terminal) {
  for (const auto& [key, files] : warnings) {
    terminal.print("{} {} [{}]: {}\n", terminal.styled(Style::yellow, "warning"), printable(key.second),
                   key.first,
                   files.size() == 1 ? printable(files.front()) : fmt::format("in {} recipes", files.size()));
  }
}

std::string silenced_text(const Audit& audit) {
  std::size_t count = 0;
  for (const AuditedRecipe& recipe : audit.recipes) count += recipe.silenced;
  return count == 0 ? "" : fmt::format("; the matrix silences {}", count);
}

void print_text(const Audit& audit, const Options& options, Terminal& terminal) {
  if (!audit.nix_found)
    terminal.out("Nix is not installed: the audit checked names and texts and evaluated nothing.\n");
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> common;
  for (const AuditedRecipe& recipe : audit.recipes) {
    const bool dull = recipe.verdict == Verdict::keep ||
                      (recipe.verdict == Verdict::outside && recipe.findings.count(Severity::error) == 0);
    if (!dull || options.all) {
      terminal.print("{:8}{}\n", to_string(recipe.verdict),
                     terminal.styled(Style::bold, printable(recipe.file)));
      if (!recipe.reason.empty()) terminal.print("  {}\n", printable(recipe.reason));
    }
    for (const Finding& finding : recipe.findings) {
      if (finding.severity == Severity::error || options.all) print_finding(finding, terminal);
      else if (finding.severity == Severity::warning)
        common[{finding.rule, finding.what}].push_back(recipe.file);
    }
  }
  print_common(common, terminal);
  const AuditSummary& sum = audit.summary;
  if (!audit.missing.empty())
    terminal.print("missing: {}\n",
                   audit.missing.size() <= 3
                       ? fmt::format("{}", fmt::join(audit.missing, ", "))
                       : fmt::format("{} recipes, see: torchlathe plan", audit.missing.size()));
  terminal.print(
      "{} wanted: {} keep, {} rewrite, {} rename, {} create; {} delete{}; {} errors, {} warnings{}\n",
      sum.wanted, sum.keep, sum.rewrite, sum.rename, sum.create, sum.remove,
      sum.outside ? fmt::format("; {} outside the matrix", sum.outside) : "", audit.count(Severity::error),
      audit.count(Severity::warning), silenced_text(audit));
}

int run(const Options& options, Terminal& terminal) {
  if (!options.explain.empty()) return explain(options, terminal);
  if (options.folder.empty())
    throw Error({.what = "audit: the folder of recipes is missing",
                 .where = {},
                 .next = "torchlathe audit .flox/pkgs"});
  check_recipe_folder(options.folder);
  const MatrixSpec spec = options.matrix.load(terminal);
  const Audit audit = audit_folder(options.folder, spec, {.strict = options.strict});
  if (options.seed_checks) {
    const std::vector<SeedCheck> checks = seed_checks(audit);
    for (const SeedCheck& check : checks) {
      terminal.print(
          "{} {}\n",
          check.good ? terminal.styled(Style::green, "ok    ") : terminal.styled(Style::red, "BROKEN"),
          check.what);
      for (const std::string& file : check.files) terminal.print("         {}\n", printable(file));
    }
    return std::ranges::all_of(checks, &SeedCheck::good) ? 0 : 1;
  }
  if (options.format == "json") terminal.out(audit_json(audit));
  else if (options.format == "sarif") terminal.out(audit_sarif(audit));
  else print_text(audit, options, terminal);
  const bool wrong =
      audit.count(Severity::error) > 0 || (options.strict && audit.count(Severity::warning) > 0);
  return audit.summary.changes() > 0 || wrong ? 1 : 0;
}

}  // namespace audit_command

std::unique_ptr<BoundCommand> command_audit() {
  return bind_command(audit_command::declare, audit_command::run);
}

}  // namespace lathe
