// SPDX-License-Identifier: MIT
#include "cli/parts/recipe_plan.h"

#include <fmt/format.h>

#include "audit/audit.h"
#include "audit/diff.h"
#include "base/safe_format.h"
#include "base/text.h"

namespace lathe {

std::string diff_of(const Edit& edit) {
  const bool created = edit.kind == Verdict::create, removed = edit.kind == Verdict::remove;
  std::string before = edit.from.empty() ? edit.file : edit.from;
  if (created) before.clear();
  return unified_diff(edit.old_content, removed ? "" : edit.new_content, before, removed ? "" : edit.file);
}

std::string edits_text(const Plan& plan, bool diff) {
  std::string text;
  for (const Edit& edit : plan.edits) {
    const std::string name = edit.from.empty()
                                 ? printable(edit.file)
                                 : fmt::format("{} -> {}", printable(edit.from), printable(edit.file));
    text += safe_format("{:8}{}\n", to_string(edit.kind), name);
    if (edit.kind != Verdict::create) text += safe_format("        {}\n", printable(edit.reason));
    if (diff) text += diff_of(edit);
  }
  return text;
}

std::string plan_totals(const Plan& plan) {
  const AuditSummary& sum = plan.summary;
  return safe_format("{} wanted: {} keep, {} rewrite, {} rename, {} create; {} delete{}\n", sum.wanted,
                     sum.keep, sum.rewrite, sum.rename, sum.create, sum.remove,
                     sum.outside ? fmt::format("; {} outside the matrix", sum.outside) : "");
}

}  // namespace lathe
