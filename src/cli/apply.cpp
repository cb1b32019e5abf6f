// SPDX-License-Identifier: MIT
// `torchlathe apply`: makes a folder of recipes what the matrix wants. What was there is kept until --forget.
#include "audit/apply.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/matrix_option.h"

namespace lathe {
namespace {

struct Options {
  MatrixOption matrix;
  std::string folder;
  std::string format = "text";
  bool strict = false;
  bool forget = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder);
  options.matrix.declare(set);
  set.flag("--strict", options.strict, "warnings count as errors");
  set.flag("--forget", options.forget, "delete what earlier applies kept of the old files");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void print(const AuditSummary& sum, const ApplyResult& result, const Options& options, Terminal& terminal) {
  if (options.format == "json") {
    JsonWriter json;
    json.begin_object().member("folder", options.folder).member("kept", sum.keep).member("rewritten", sum.rewrite).member("renamed", sum.rename);
    json.member("created", sum.create).member("deleted", sum.remove).member("journal", result.journal.string());
    terminal.out(json.end_object().take());
    return;
  }
  if (sum.changes() == 0) {
    terminal.print("{}: nothing to do\n", options.folder);
    return;
  }
  terminal.print("{}: {} rewritten, {} renamed, {} created, {} deleted\n", options.folder, sum.rewrite, sum.rename, sum.create, sum.remove);
  if (sum.rewrite + sum.rename + sum.remove > 0) {
    terminal.print("the old files are in {} until: torchlathe apply {} --forget\n", (result.journal / "old").string(), options.folder);
  }
}

int run(const Options& options, Terminal& terminal) {
  if (options.forget) {
    const std::size_t count = forget_journals(options.folder);
    terminal.print("{}: {} journal{} deleted\n", options.folder, count, count == 1 ? "" : "s");
    return 0;
  }
  const MatrixSpec spec = options.matrix.load(terminal);
  if (finish_interrupted(options.folder)) terminal.err("torchlathe: finished what an interrupted apply had begun\n");
  const Plan plan = make_plan(audit_folder(options.folder, spec, {.strict = options.strict}), spec);
  print(plan.summary, apply_plan(plan, options.folder), options, terminal);
  return 0;
}

}  // namespace

std::unique_ptr<BoundCommand> command_apply() { return bind_command(declare, run); }

}  // namespace lathe
