// SPDX-License-Identifier: MIT
#include "base/finding_json.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(FindingJson, HasEveryMemberInOneOrderAndWhatACommandAddsBehindThem) {
  const Finding finding{.rule = "gpu-missing",
                        .severity = Severity::warning,
                        .where = {.file = "a.so", .line = 3},
                        .what = "lacks 9.0",
                        .cause = "why",
                        .fix = "mend",
                        .evidence = {{.where = {.file = "b.so"}, .symbol = "f", .what = "12 of 444"}}};
  JsonWriter json(JsonWriter::Layout::compact);
  begin_finding(json, finding);
  EXPECT_EQ(json.member("count", 2).end_object().take(),
            R"({"rule":"gpu-missing","severity":"warning","what":"lacks 9.0",)"
            R"("where":{"file":"a.so","line":3,"column":0},"cause":"why","fix":"mend",)"
            R"("evidence":[{"where":{"file":"b.so","line":0,"column":0},"symbol":"f","what":"12 of 444"}],)"
            R"("count":2})"
            "\n");
}

TEST(FindingJson, WhatIsNotKnownIsEmptyAndThere) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object();
  Findings findings;
  findings.add({.rule = "r", .what = "w"});
  write_findings(json, "findings", findings);
  EXPECT_EQ(json.end_object().take(),
            R"({"findings":[{"rule":"r","severity":"error","what":"w","where":{"file":"","line":0,)"
            R"("column":0},"cause":"","fix":"","evidence":[]}]})"
            "\n");
}

}  // namespace
}  // namespace lathe
