// SPDX-License-Identifier: MIT
#include "library/convert.h"

#include <fmt/format.h>

#include "base/text.h"
#include "hardware/capability.h"

namespace torchlathe {
namespace {

Severity public_severity(lathe::Severity severity) {
  switch (severity) {
    case lathe::Severity::error: return Severity::error;
    case lathe::Severity::warning: return Severity::warning;
    case lathe::Severity::note: break;
  }
  return Severity::note;
}

}  // namespace

std::vector<Finding> public_findings(const lathe::Findings& findings) {
  std::vector<Finding> all;
  for (const lathe::Finding& finding : findings) {
    all.push_back({.rule = finding.rule,
                   .severity = public_severity(finding.severity),
                   .file = finding.where.file,
                   .line = finding.where.line,
                   .column = finding.where.column,
                   .what = finding.what,
                   .cause = finding.cause,
                   .fix = finding.fix});
  }
  return all;
}

Error public_error(const lathe::Error& error) {
  const lathe::Error::Parts& parts = error.parts();
  const auto kind = parts.kind == lathe::ErrorKind::usage ? Error::Kind::usage : Error::Kind::fault;
  return {parts.what, kind, parts.where.file, parts.where.line, parts.where.column, parts.next};
}

lathe::SpelledCapability read_capability(std::string_view text) {
  if (const auto read = lathe::parse_capability(text)) return *read;
  throw lathe::Error({.what = fmt::format("\"{}\" is not a compute capability", lathe::printable(text)),
                      .where = {},
                      .next = "write it as 9.0, sm_90 or compute_90"});
}

lathe::Version read_version(std::string_view text) {
  if (const auto read = lathe::Version::parse(text)) return *read;
  throw lathe::Error({.what = fmt::format("\"{}\" is not a version", lathe::printable(text)),
                      .where = {},
                      .next = "write it as 13.0"});
}

}  // namespace torchlathe
