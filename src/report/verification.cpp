// SPDX-License-Identifier: MIT
#include "report/verification.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/safe_format.h"
#include "base/text.h"

namespace lathe {
namespace {

std::string evidence_line(const Evidence& evidence) {
  std::string line = evidence.file;
  if (!evidence.symbol.empty()) line += fmt::format("{}{}", line.empty() ? "" : ", ", evidence.symbol);
  return safe_format("    {}{}{}\n", printable(line), line.empty() ? "" : ": ", printable(evidence.what));
}

std::string breach_text(const Breach& breach, const Terminal& terminal) {
  const Style style = breach.severity == Severity::error ? Style::red : Style::yellow;
  std::string text = safe_format("{} {} [{}]\n", terminal.styled(style, to_string(breach.severity)),
                                 printable(breach.what), breach.rule);
  for (const Evidence& evidence : breach.evidence) text += evidence_line(evidence);
  if (!breach.cause.empty()) text += safe_format("  likely cause: {}\n", breach.cause);
  if (!breach.fix.empty()) text += safe_format("  next: {}\n", breach.fix);
  return text;
}

}  // namespace

std::string verification_text(const Verification& result, const Terminal& terminal) {
  std::string text;
  for (const Breach& breach : result.breaches) text += breach_text(breach, terminal);
  const std::size_t warnings = result.count(Severity::warning);
  const std::string besides =
      warnings == 0 ? "" : fmt::format(", {} warning{}", warnings, warnings == 1 ? "" : "s");
  // Where the only error is that not all was read, there is no verdict.
  const bool judged =
      result.count(Severity::error) == 0 || std::ranges::any_of(result.breaches, [](const Breach& breach) {
        return breach.severity == Severity::error && breach.rule != "not-read";
      });
  if (!judged)
    return text + safe_format("{} {}{}\n", result.promise.name,
                              terminal.styled(Style::yellow, "was not judged"), besides);
  text += result.kept()
              ? safe_format("{} {}{}{}\n", result.promise.name,
                            terminal.styled(Style::green, "keeps its promise"), besides,
                            result.cpu_scanned ? "" : " (machine code was not looked at)")
              : safe_format("{} {}: {} error{}{}\n", result.promise.name,
                            terminal.styled(Style::red, "breaks its promise"), result.count(Severity::error),
                            result.count(Severity::error) == 1 ? "" : "s", besides);
  return text;
}

std::string verification_json(const Verification& result) {
  JsonWriter json;
  json.begin_object()
      .member("variant", result.promise.name)
      .member("kept", result.kept())
      .member("cpu_scanned", result.cpu_scanned);
  json.key("findings").begin_array();
  for (const Breach& breach : result.breaches) {
    json.begin_object()
        .member("rule", breach.rule)
        .member("severity", to_string(breach.severity))
        .member("what", breach.what);
    json.key("evidence").begin_array();
    for (const Evidence& evidence : breach.evidence) {
      json.begin_object()
          .member("file", evidence.file)
          .member("symbol", evidence.symbol)
          .member("what", evidence.what)
          .end_object();
    }
    json.end_array().member("cause", breach.cause).member("fix", breach.fix).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace lathe
