// SPDX-License-Identifier: MIT
#include "base/finding_json.h"

namespace lathe {
namespace {

void write_where(JsonWriter& json, const Place& where) {
  json.key("where").begin_object().member("file", where.file);
  json.member("line", where.line).member("column", where.column).end_object();
}

}  // namespace

void begin_finding(JsonWriter& json, const Finding& finding) {
  json.begin_object().member("rule", finding.rule).member("severity", to_string(finding.severity));
  json.member("what", finding.what);
  write_where(json, finding.where);
  json.member("cause", finding.cause).member("fix", finding.fix).key("evidence").begin_array();
  for (const Evidence& evidence : finding.evidence) {
    json.begin_object();
    write_where(json, evidence.where);
    json.member("symbol", evidence.symbol).member("what", evidence.what).end_object();
  }
  json.end_array();
}

void write_finding(JsonWriter& json, const Finding& finding) {
  begin_finding(json, finding);
  json.end_object();
}

void write_findings(JsonWriter& json, std::string_view key, const Findings& findings) {
  json.key(key).begin_array();
  for (const Finding& finding : findings) write_finding(json, finding);
  json.end_array();
}

}  // namespace lathe
