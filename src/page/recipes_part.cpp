// SPDX-License-Identifier: MIT
#include "page/recipes_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/finding.h"
#include "page/findings_list.h"
#include "page/frame.h"
#include "page/state.h"
#include "page/variant_marks.h"

namespace lathe {
namespace {

State verdict_look(Verdict verdict) {
  switch (verdict) {
    case Verdict::keep: return {"built", "✓", ""};
    case Verdict::rewrite: return {"failed", "✗", ""};
    case Verdict::rename: return {"mismatch", "≠", ""};
    case Verdict::create: return {"valid", "+", ""};
    case Verdict::remove: return {"redundant", "−", ""};
    case Verdict::outside: break;
  }
  return {"impossible", "○", ""};
}

void write_verdict(Html& html, Verdict verdict) {
  html.open("td", {{"data-label", "Verdict"}});
  write_state(html, verdict_look(verdict), to_string(verdict));
  html.close().line();
}

void write_recipe(Html& html, const AuditedRecipe& recipe, const VariantPlaces& places) {
  open_item(html, "tr", recipe.variant);
  html.open("th", {{"scope", "row"}}).element("code", recipe.file).close();
  write_verdict(html, recipe.verdict);
  html.open("td", {{"class", "wide"}, {"data-label", "Findings"}});
  if (!recipe.variant.empty() && recipe.variant + ".nix" != recipe.file) {
    html.text("is ");
    write_variant_link(html, recipe.variant, places);
    html.text("; ");
  }
  html.text(recipe.reason);
  write_findings(html, recipe.findings);
  html.close().line().close().line();
}

void write_missing(Html& html, const Audit& audit, const VariantPlaces& places) {
  if (audit.missing.empty()) return;
  html.open("details").element("summary", fmt::format("{} variants have no recipe", audit.missing.size()));
  html.open("ul").line();
  for (const std::string& name : audit.missing) {
    html.open("li");
    write_variant_link(html, name, places);
    html.close().line();
  }
  html.close().close().line();
}

std::string audit_sum(const Audit& audit) {
  const AuditSummary& sum = audit.summary;
  return fmt::format(
      "{} wanted: {} keep, {} rewrite, {} rename, {} create; {} delete; {} outside the matrix; {} errors, "
      "{} warnings.",
      sum.wanted, sum.keep, sum.rewrite, sum.rename, sum.create, sum.remove, sum.outside,
      audit.count(Severity::error), audit.count(Severity::warning));
}

}  // namespace

void write_recipes_part(Html& html, const Audit& audit, const VariantPlaces& places) {
  html.open("section", {{"id", "recipes"}, {"data-counted", "recipes"}})
      .line()
      .element("h2", "Recipes")
      .line();
  html.element("p", audit_sum(audit)).line();
  if (!audit.nix_found)
    html.element("p", "Nix is not installed: the audit checked names and texts and evaluated nothing.")
        .line();
  if (!audit.recipes.empty()) {
    begin_table(html, "rows", fmt::format("What is wrong with each recipe of {}", audit.folder.string()),
                {"Recipe", "Verdict", "Findings"});
    for (const AuditedRecipe& recipe : audit.recipes) write_recipe(html, recipe, places);
    end_table(html);
  }
  write_missing(html, audit, places);
  html.close().line();
}

}  // namespace lathe
