// SPDX-License-Identifier: MIT
// `torchlathe smoke VARIANT PATH`: run it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "hardware/capability.h"
#include "inspect/installed.h"
#include "matrix/variant.h"
#include "os/terminal.h"
#include "verify/smoke.h"
#include "report/host.h"
#include "report/table.h"

namespace lathe {
namespace smoke_command {

struct Options {
  std::string variant, path;
  SmokeOptions smoke;
  std::uint64_t seconds = 300;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positional("variant", options.variant, "the variant name to check it against", ValueKind::variant);
  set.positional("path", options.path,
                 "a store path, an environment, site-packages, the torch folder, or a wheel",
                 ValueKind::file);
  set.text("--interpreter", options.smoke.python, "PROGRAM", "run with this Python [the build's own]",
           ValueKind::file);
  set.formerly("--python");
  set.number("--time-limit", options.seconds, "SECONDS", "time limit [300]");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

std::string_view word(SmokeCheck::Outcome outcome) {
  if (outcome == SmokeCheck::Outcome::passed) return "ok";
  return outcome == SmokeCheck::Outcome::failed ? "failed" : "not done";
}

Style style_of(SmokeCheck::Outcome outcome) {
  if (outcome == SmokeCheck::Outcome::failed) return Style::red;
  return outcome == SmokeCheck::Outcome::skipped ? Style::dim : Style::plain;
}

void print_text(const InstalledTorch& torch, const SmokeReport& report, const Findings& findings,
                Terminal& terminal) {
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty())
      terminal.print("{} {}\n", terminal.styled(Style::bold, fmt::format("{:8}", key)), value);
  };
  line("pytorch",
       report.version.empty() ? "" : fmt::format("{} in {}", report.version, torch.folder.string()));
  line("python", report.python);
  line("cuda", report.cuda.empty()
                   ? ""
                   : fmt::format("{}, code for {}", report.cuda, fmt::join(report.arch_list, " ")));
  line("cpu", report.cpu_capability);
  line("with", fmt::format("{}", fmt::join(report.parts, ", ")));
  line("profiler", fmt::format("{}", fmt::join(report.profiler, ", ")));
  for (const SmokeDevice& device : report.devices) {
    line("device", fmt::format("{} ({})", device.name,
                               device.capability ? spell(*device.capability, Dialect::dotted) : "?"));
  }
  Table table({"check", "", "what it saw"});
  for (const SmokeCheck& check : report.checks) {
    table.add({check.name, std::string(word(check.outcome)), check.detail.substr(0, 100)},
              style_of(check.outcome));
  }
  if (!table.empty()) terminal.out("\n" + table.text(terminal) + "\n");
  if (!report.done && !report.err.empty())
    terminal.print("{}\n\n", printable(report.err.substr(report.err.rfind('\n') + 1)));
  terminal.out(notes_text(findings, terminal));
  const std::size_t errors = findings.count(Severity::error);
  if (errors > 0)
    terminal.print("{} error{}: this build does not match its name\n", errors, errors == 1 ? "" : "s");
  else if (findings.count(Severity::warning) > 0)
    terminal.out("no problems found in what could be checked; some checks could not run\n");
  else terminal.out("all checks passed\n");
}

void print_json(const SmokeReport& report, const Findings& findings, Terminal& terminal) {
  JsonWriter json;
  begin_report(json)
      .member("version", report.version)
      .member("python", report.python)
      .member("cuda", report.cuda);
  json.member("cuda_available", report.cuda_available)
      .member("arch_list", report.arch_list)
      .member("finished", report.done);
  json.member("parts", report.parts).member("profiler", report.profiler);
  json.key("devices").begin_array();
  for (const SmokeDevice& device : report.devices) {
    json.begin_object().member("name", device.name);
    json.member("capability",
                device.capability ? std::optional(spell(*device.capability, Dialect::dotted)) : std::nullopt)
        .end_object();
  }
  json.end_array().key("checks").begin_array();
  for (const SmokeCheck& check : report.checks) {
    json.begin_object()
        .member("name", check.name)
        .member("outcome", word(check.outcome))
        .member("detail", check.detail)
        .end_object();
  }
  write_findings(json.end_array(), "findings", findings);
  terminal.out(json.end_object().take());
}

int run(const Options& options, Terminal& terminal) {
  const VariantName variant = parse_variant_name(options.variant);
  Progress progress(terminal);
  progress.show("opening " + options.path);
  const RunnableBuild build(options.path);
  progress.done();
  SmokeOptions smoke = options.smoke;
  smoke.time_limit = std::chrono::seconds(std::min<std::uint64_t>(options.seconds, 86'400));
  const SmokeReport report = run_smoke(build.folder(), build.torch(), smoke);
  const Findings findings = judge_smoke(variant, report);
  if (options.format == "json") print_json(report, findings, terminal);
  else print_text(build.torch(), report, findings, terminal);
  return findings.exit_code(true);
}

}  // namespace smoke_command

std::unique_ptr<BoundCommand> command_smoke() {
  return bind_command(smoke_command::declare, smoke_command::run);
}

}  // namespace lathe
