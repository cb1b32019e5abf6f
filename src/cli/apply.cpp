// SPDX-License-Identifier: MIT
// `torchlathe apply`: makes a folder of recipes what the matrix wants. What was there is kept until --forget.
#include "audit/apply.h"
#include "audit/audit.h"
#include "audit/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/recipe_folder.h"
#include "matrix/spec.h"
#include "os/keyboard.h"
#include "os/terminal.h"
#include "cli/parts/recipe_plan.h"

namespace lathe {
namespace apply_command {

struct Options {
  MatrixOption matrix;
  std::string folder;
  std::string format = "text";
  bool strict = false;
  bool forget = false;
  bool dry_run = false;
  bool yes = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder);
  options.matrix.declare(set);
  set.flag("--strict", options.strict, "warnings count as errors");
  set.flag("-n,--dry-run", options.dry_run, "count what would change, write nothing");
  set.flag("-y,--yes", options.yes, "do not ask on a terminal");
  set.flag("--forget", options.forget, "delete the old files that earlier runs of apply kept");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void print(const Plan& plan, const ApplyResult& result, const Options& options, Terminal& terminal) {
  const AuditSummary& sum = plan.summary;
  if (options.format == "json") {
    JsonWriter json;
    begin_report(json)
        .member("folder", options.folder)
        .member("kept", sum.keep)
        .member("rewritten", sum.rewrite)
        .member("renamed", sum.rename);
    json.member("created", sum.create)
        .member("deleted", sum.remove)
        .member("beside", plan.beside)
        .member("journal", result.journal.string());
    terminal.out(json.end_object().take());
    return;
  }
  if (plan.edits.empty()) {
    terminal.print("{}: nothing to do\n", options.folder);
    return;
  }
  std::string beside;
  if (plan.beside > 0)
    beside = fmt::format("; {} file{} that they name", plan.beside, plan.beside == 1 ? "" : "s");
  terminal.print("{}: {}{} rewritten, {} renamed, {} created, {} deleted{}\n", options.folder,
                 options.dry_run ? "nothing was changed; would be: " : "", sum.rewrite, sum.rename,
                 sum.create, sum.remove, beside);
  const bool kept =
      std::ranges::any_of(plan.edits, [](const Edit& edit) { return edit.kind != Verdict::create; });
  if (kept && !options.dry_run) {
    terminal.print("the old files are in {} until: torchlathe apply {} --forget\n",
                   (result.journal / "old").string(), options.folder);
  }
}

void print_forgotten(std::size_t journals, const Options& options, Terminal& terminal) {
  if (options.format != "json") {
    terminal.print("{}: {} journal{} deleted\n", options.folder, journals, journals == 1 ? "" : "s");
    return;
  }
  JsonWriter json;
  begin_report(json).member("folder", options.folder).member("journals_deleted", journals);
  terminal.out(json.end_object().take());
}

// On a terminal the plan is shown and somebody says yes; a script has said it by calling.
bool agreed(const Plan& plan, const Options& options, Terminal& terminal) {
  if (options.yes || options.dry_run || options.format == "json" || plan.edits.empty() || !somebody_answers())
    return true;
  terminal.out(edits_text(plan, false));
  terminal.out(plan_totals(plan));
  return says_yes(fmt::format("do this to {}?", printable(options.folder)), terminal);
}

int run(const Options& options, Terminal& terminal) {
  check_recipe_folder(options.folder);
  if (options.forget) {
    print_forgotten(forget_journals(options.folder), options, terminal);
    return 0;
  }
  const MatrixSpec spec = options.matrix.load(terminal);
  if (!options.dry_run && finish_interrupted(options.folder))
    terminal.say(Tone::note, "torchlathe: finished an interrupted apply first\n");
  const Plan plan = make_plan(audit_folder(options.folder, spec, {.strict = options.strict}), spec);
  if (!agreed(plan, options, terminal)) {
    terminal.print("{}: nothing was changed\n", options.folder);
    return 0;
  }
  print(plan, options.dry_run ? ApplyResult{} : apply_plan(plan, options.folder), options, terminal);
  return 0;
}

}  // namespace apply_command

std::unique_ptr<BoundCommand> command_apply() {
  return bind_command(apply_command::declare, apply_command::run);
}

}  // namespace lathe
