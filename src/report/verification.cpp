// SPDX-License-Identifier: MIT
#include "report/verification.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/safe_format.h"
#include "base/text.h"

namespace lathe {
namespace {

std::string evidence_line(const Evidence& evidence) {
  std::string line = evidence.where.file;
  if (!evidence.symbol.empty()) line += fmt::format("{}{}", line.empty() ? "" : ", ", evidence.symbol);
  return safe_format("    {}{}{}\n", printable(line), line.empty() ? "" : ": ", printable(evidence.what));
}

std::string finding_text(const Finding& finding, const Terminal& terminal) {
  const Style style = finding.severity == Severity::error ? Style::red : Style::yellow;
  std::string text = safe_format("{} {} [{}]\n", terminal.styled(style, to_string(finding.severity)),
                                 printable(finding.what), finding.rule);
  for (const Evidence& evidence : finding.evidence) text += evidence_line(evidence);
  if (!finding.cause.empty()) text += safe_format("  cause: {}\n", finding.cause);
  if (!finding.fix.empty()) text += safe_format("  fix: {}\n", finding.fix);
  return text;
}

// Where it is more than the toolkit tells, which the name has.
std::string driver_text(const Verification& result) {
  const auto& need = result.least_driver;
  if (!need || need->because.starts_with("CUDA")) return "";
  return safe_format("needs driver {} or newer because of {}\n", need->version.text(), need->because);
}

// "2 errors"
std::string count_of(const Findings& findings, Severity severity) {
  const std::size_t count = findings.count(severity);
  return fmt::format("{} {}{}", count, to_string(severity), count == 1 ? "" : "s");
}

}  // namespace

std::string verification_text(const Verification& result, const Terminal& terminal) {
  std::string text;
  for (const Finding& finding : result.findings) text += finding_text(finding, terminal);
  text += driver_text(result);
  const bool warned = result.findings.count(Severity::warning) > 0;
  const std::string besides = warned ? ", " + count_of(result.findings, Severity::warning) : "";
  // Where the only error is that not all was read, there is no verdict.
  const bool judged = result.kept() ||
                      std::any_of(result.findings.begin(), result.findings.end(), [](const Finding& finding) {
                        return finding.severity == Severity::error && finding.rule != "not-read";
                      });
  if (!judged)
    return text + safe_format("{} {}{}\n", result.promise.name,
                              terminal.styled(Style::yellow, "was not judged"), besides);
  if (!result.kept())
    return text + safe_format("{} {}: {}{}\n", result.promise.name,
                              terminal.styled(Style::red, "breaks its promise"),
                              count_of(result.findings, Severity::error), besides);
  return text + safe_format("{} {}{}{}\n", result.promise.name,
                            terminal.styled(Style::green, "keeps its promise"), besides,
                            result.cpu_scanned ? "" : " (CPU code was not scanned)");
}

std::string verification_json(const Verification& result) {
  JsonWriter json;
  begin_report(json)
      .member("variant", result.promise.name)
      .member("kept", result.kept())
      .member("cpu_scanned", result.cpu_scanned);
  if (result.least_driver) {
    json.key("least_driver").begin_object();
    json.member("version", result.least_driver->version.text())
        .member("because", result.least_driver->because);
    json.end_object();
  }
  write_findings(json, "findings", result.findings);
  json.end_object();
  return json.take();
}

}  // namespace lathe
