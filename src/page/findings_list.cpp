// SPDX-License-Identifier: MIT
#include "page/findings_list.h"

#include <fmt/format.h>

#include "page/state.h"

namespace lathe {
namespace {

State severity_look(Severity severity) {
  switch (severity) {
    case Severity::error: return {"failed", "✗", ""};
    case Severity::warning: return {"redundant", "!", ""};
    case Severity::note: break;
  }
  return {"impossible", "i", ""};
}

void write_evidence(Html& html, const Finding& finding) {
  if (finding.evidence.empty()) return;
  html.open("pre", {{"class", "log"}, {"tabindex", "0"}});
  for (const Evidence& each : finding.evidence) {
    if (each.where.line > 0) html.text(fmt::format("{:>6}  ", each.where.line));
    if (!each.symbol.empty()) html.text(each.symbol + ": ");
    html.text(each.what).line();
  }
  html.close();
}

void write_finding(Html& html, const Finding& finding) {
  html.open("li");
  write_state(html, severity_look(finding.severity), to_string(finding.severity));
  html.text(" ");
  if (finding.where.line > 0) html.text(fmt::format("line {}: ", finding.where.line));
  html.text(finding.what).text(" ").element("code", finding.rule);
  if (!finding.cause.empty()) html.open("div").text("cause: ").text(finding.cause).close();
  if (!finding.fix.empty()) html.open("div").text("fix: ").text(finding.fix).close();
  write_evidence(html, finding);
  html.close().line();
}

}  // namespace

void write_findings(Html& html, const Findings& findings) {
  if (findings.empty()) return;
  html.open("ul", {{"class", "findings"}}).line();
  for (const Finding& finding : findings) write_finding(html, finding);
  html.close().line();
}

void write_variant_link(Html& html, const std::string& variant, const VariantPlaces& places) {
  const auto place = places.find(variant);
  if (place == places.end()) html.element("code", variant);
  else html.open("code").element("a", {{"href", "#" + place->second}}, variant).close();
}

}  // namespace lathe
