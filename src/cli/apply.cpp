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
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/spec.h"
#include "os/terminal.h"

namespace lathe {
namespace apply_command {

struct Options {
  MatrixOption matrix;
  std::string folder;
  std::string format = "text";
  bool strict = false;
  bool forget = false;
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder);
  options.matrix.declare(set);
  set.flag("--strict", options.strict, "warnings count as errors");
  set.flag("-n,--dry-run", options.dry_run, "count what would be done, touch nothing");
  set.flag("--forget", options.forget, "delete what earlier applies kept of the old files");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void print(const Plan& plan, const ApplyResult& result, const Options& options, Terminal& terminal) {
  const AuditSummary& sum = plan.summary;
  if (options.format == "json") {
    JsonWriter json;
    json.begin_object()
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
                 options.dry_run ? "nothing was done; there would be " : "", sum.rewrite, sum.rename,
                 sum.create, sum.remove, beside);
  const bool kept =
      std::ranges::any_of(plan.edits, [](const Edit& edit) { return edit.kind != Verdict::create; });
  if (kept && !options.dry_run) {
    terminal.print("the old files are in {} until: torchlathe apply {} --forget\n",
                   (result.journal / "old").string(), options.folder);
  }
}

int run(const Options& options, Terminal& terminal) {
  if (options.forget) {
    const std::size_t count = forget_journals(options.folder);
    terminal.print("{}: {} journal{} deleted\n", options.folder, count, count == 1 ? "" : "s");
    return 0;
  }
  const MatrixSpec spec = options.matrix.load(terminal);
  if (!options.dry_run && finish_interrupted(options.folder))
    terminal.say(Tone::note, "torchlathe: finished what an interrupted apply had begun\n");
  const Plan plan = make_plan(audit_folder(options.folder, spec, {.strict = options.strict}), spec);
  print(plan, options.dry_run ? ApplyResult{} : apply_plan(plan, options.folder), options, terminal);
  return 0;
}

}  // namespace apply_command

std::unique_ptr<BoundCommand> command_apply() {
  return bind_command(apply_command::declare, apply_command::run);
}

}  // namespace lathe
