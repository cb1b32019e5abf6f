// SPDX-License-Identifier: MIT
// `torchlathe diagnose LOG`: why did this build fail, and what mends it?
#include "base/finding.h"
#include "diagnose/diagnose.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/build_told.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe {
namespace diagnose_command {

struct Options {
  std::vector<std::string> logs;
  std::string variant;
  std::string format = "text";
  bool all = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("log", options.logs, "logs of builds; - is standard input", ValueKind::file);
  set.text("--variant", options.variant, "NAME", "what the logs are of, if they do not say so",
           ValueKind::variant);
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
  set.flag("-a,--all", options.all, "also list consequences of a known cause");
}

Style style_of_cause(Severity severity) { return severity == Severity::error ? Style::red : Style::yellow; }

void print_one(const Diagnosis& diagnosis, Terminal& terminal) {
  const Finding& finding = diagnosis.finding;
  terminal.print("{} {} [{}]\n",
                 terminal.styled(style_of_cause(finding.severity), to_string(finding.severity)),
                 terminal.styled(Style::bold, finding.what), finding.rule);
  for (const Evidence& evidence : finding.evidence) {
    terminal.print("  {}:{}: {}\n", evidence.where.file, evidence.where.line, evidence.what);
  }
  if (diagnosis.count > 1) terminal.print("  seen {} times\n", diagnosis.count);
  terminal.print("  cause: {}\n  fix: {}\n  source: {}\n", finding.cause, finding.fix, diagnosis.source);
}

std::vector<Diagnosis> diagnose_file(const std::string& path, const Options& options) {
  const std::optional<VariantName> variant =
      options.variant.empty() ? std::nullopt : std::optional(parse_variant_name(options.variant));
  Diagnoser diagnoser(path == "-" ? "stdin" : path);
  read_stream(path, [&](std::string_view bytes) { diagnoser.feed(bytes); });
  return diagnoser.finish(options.all, variant ? build_told(*variant) : build_told(diagnoser.derivations()));
}

int run(const Options& options, Terminal& terminal) {
  std::vector<Diagnosis> all;
  for (const std::string& path : options.logs)
    std::ranges::move(diagnose_file(path, options), std::back_inserter(all));
  Findings findings;
  for (const Diagnosis& diagnosis : all) findings.add(diagnosis.finding);
  if (options.format == "json") {
    terminal.out(diagnosis_json(all));
    return findings.exit_code();
  }
  if (all.empty()) terminal.out("nothing found\n");
  for (const Diagnosis& diagnosis : all) print_one(diagnosis, terminal);
  return findings.exit_code();
}

}  // namespace diagnose_command

std::unique_ptr<BoundCommand> command_diagnose() {
  return bind_command(diagnose_command::declare, diagnose_command::run);
}

}  // namespace lathe
