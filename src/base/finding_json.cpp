// SPDX-License-Identifier: MIT
#include "base/finding_json.h"

namespace lathe {

void write_finding(JsonWriter& json, const Finding& finding) {
  json.begin_object()
      .member("rule", finding.rule)
      .member("severity", to_string(finding.severity))
      .key("where")
      .begin_object();
  json.member("file", finding.where.file)
      .member("line", finding.where.line)
      .member("column", finding.where.column)
      .end_object();
  json.member("what", finding.what).member("fix", finding.fix).end_object();
}

}  // namespace lathe
