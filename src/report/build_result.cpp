// SPDX-License-Identifier: MIT
#include "report/build_result.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "base/finding.h"
#include "base/text.h"
#include "diagnose/diagnose.h"

namespace lathe {
namespace {

void print_why(const Job& job, Terminal& terminal) {
  terminal.print("\n{} {}: {}\n", terminal.styled(Style::red, to_string(job.state)),
                 terminal.styled(Style::bold, job.name), printable(job.reason));
  for (const Finding& finding : job.breaches)
    terminal.print("  {} [{}]\n", printable(finding.what), finding.rule);
  for (const Diagnosis& diagnosis : job.why) {
    terminal.print("  {} [{}]\n", printable(diagnosis.finding.what), diagnosis.finding.rule);
    for (const Evidence& line : diagnosis.finding.evidence)
      terminal.print("    {}: {}\n", line.where.line, line.what);
    terminal.print("    cause: {}\n    fix: {}\n", diagnosis.finding.cause, diagnosis.finding.fix);
  }
  if (!job.log.empty()) terminal.print("  log: torchlathe history log {}\n", job.name);
}

}  // namespace

void print_result(const std::vector<Job>& jobs, Terminal& terminal) {
  std::map<JobState, std::size_t> count;
  for (const Job& job : jobs) {
    if (job.variant) ++count[job.state];
    if (job.state == JobState::failed || job.state == JobState::mismatch) print_why(job, terminal);
  }
  std::string text;
  for (const auto& [state, number] : count)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, to_string(state));
  terminal.print("{}\n", text.empty() ? "nothing to build" : text);
}

}  // namespace lathe
