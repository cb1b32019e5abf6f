// SPDX-License-Identifier: MIT
// `torchlathe plan`: what `apply` would do to a folder, with reasons and, if asked, differences. Changes
// nothing.
#include "audit/audit.h"
#include "audit/plan.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/recipe_folder.h"
#include "hardware/compat.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/terminal.h"
#include "cli/parts/recipe_plan.h"

namespace lathe {
namespace plan_command {

struct Options {
  MatrixOption matrix;
  std::string folder;
  std::string format = "text";
  std::vector<std::string> expect;
  bool diff = false;
  bool strict = false;
  bool exit_code = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder);
  options.matrix.declare(set);
  set.flag("-d,--diff", options.diff, "a unified diff of every file");
  set.flag("--strict", options.strict, "warnings count as errors");
  set.texts("--expect", options.expect, "KIND=N", "a total as counted by hand: says where it is off");
  set.flag("--exit-code", options.exit_code, "exit 1 when there is something to do");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void print_json(const Plan& plan, const std::vector<std::string>& off, bool diff, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).key("edits").begin_array();
  for (const Edit& edit : plan.edits) {
    json.begin_object().member("kind", to_string(edit.kind)).member("file", edit.file).key("from");
    if (edit.from.empty()) json.null();
    else json.value(edit.from);
    json.member("reason", edit.reason);
    if (diff) json.member("diff", diff_of(edit));
    json.end_object();
  }
  const AuditSummary& sum = plan.summary;
  json.end_array()
      .key("summary")
      .begin_object()
      .member("keep", sum.keep)
      .member("rewrite", sum.rewrite)
      .member("rename", sum.rename);
  json.member("create", sum.create)
      .member("delete", sum.remove)
      .member("outside", sum.outside)
      .member("wanted", sum.wanted)
      .end_object();
  terminal.out(json.member("off", off).end_object().take());
}

// What variants are cut out of that no recipe of the folder builds, with their number.
std::map<std::string, std::size_t> shared_bases(const MatrixSpec& spec) {
  std::map<std::string, std::size_t> bases;
  if (!spec.carver || !spec.carver->nixpkgs_base) return bases;
  expand(spec, [&](const Variant& variant) {
    if (!variant.of_nixpkgs || variant.cell->status == PairStatus::impossible) return true;
    ++bases[fmt::format("{} for Python {}, CUDA {}, {}", variant.pytorch->version, variant.python,
                        variant.cell->cuda->text(), to_string(variant.cell->isa->machine))];
    return true;
  });
  return bases;
}

void print_bases(const MatrixSpec& spec, Terminal& terminal) {
  for (const auto& [base, count] : shared_bases(spec)) {
    terminal.print("{} variant{} cut out of nixpkgs' own torch {}\n", count, count == 1 ? " is" : "s are",
                   base);
  }
}

void print_text(const Plan& plan, const std::vector<std::string>& off, bool diff, Terminal& terminal) {
  terminal.out(edits_text(plan, diff));
  terminal.out(plan_totals(plan));
  for (const std::string& line : off) terminal.print("off: {}\n", line);
}

int run(const Options& options, Terminal& terminal) {
  check_recipe_folder(options.folder);
  const MatrixSpec spec = options.matrix.load(terminal);
  const Plan plan = make_plan(audit_folder(options.folder, spec, {.strict = options.strict}), spec,
                              options.diff ? Contents::read : Contents::left_out);
  const std::vector<std::string> off = compare_totals(plan.summary, options.expect);
  if (options.format == "json") {
    print_json(plan, off, options.diff, terminal);
  } else {
    print_text(plan, off, options.diff, terminal);
    print_bases(spec, terminal);
  }
  return !off.empty() || (options.exit_code && !plan.edits.empty()) ? 1 : 0;
}

}  // namespace plan_command

std::unique_ptr<BoundCommand> command_plan() {
  return bind_command(plan_command::declare, plan_command::run);
}

}  // namespace lathe
