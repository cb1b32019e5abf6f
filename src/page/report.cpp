// SPDX-License-Identifier: MIT
#include "page/report.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "base/finding.h"
#include "page/frame.h"
#include "page/html.h"
#include "page/matrix_part.h"
#include "page/recipes_part.h"
#include "select/select.h"

namespace lathe {
namespace {

// The sections that this page has: id and heading.
std::vector<std::pair<std::string, std::string>> sections_of(const PageContent& content) {
  std::vector<std::pair<std::string, std::string>> sections;
  if (content.matrix) sections.emplace_back("matrix", "Matrix");
  if (content.recipes) sections.emplace_back("recipes", "Recipes");
  if (content.builds) sections.emplace_back("builds", "Builds");
  if (!content.fleet.empty()) sections.emplace_back("machines", "Machines");
  if (!content.contents.empty()) sections.emplace_back("contents", "Contents");
  return sections;
}

void write_head(Html& html, const PageContent& content) {
  html.open("header").line().element("h1", content.title).line();
  if (!content.description.empty()) html.element("p", content.description).line();
  const auto sections = sections_of(content);
  if (sections.size() > 1) {
    html.open("nav", {{"aria-label", "Parts"}}).open("ul");
    for (const auto& [id, heading] : sections)
      html.open("li").element("a", {{"href", "#" + id}}, heading).close();
    html.close().close().line();
  }
  html.close().line();
}

void note_recipes(const Audit& audit, VariantNotes& notes) {
  for (const AuditedRecipe& recipe : audit.recipes) {
    if (recipe.variant.empty() || recipe.verdict == Verdict::keep) continue;
    notes[recipe.variant].words.push_back(fmt::format("recipe: {}, {} errors", to_string(recipe.verdict),
                                                      recipe.findings.count(Severity::error)));
  }
  for (const std::string& name : audit.missing) notes[name].words.emplace_back("recipe: missing");
}

// What the other parts know of the variants of the matrix.
VariantNotes notes_of(const PageContent& content) {
  VariantNotes notes;
  if (content.builds) {
    for (const LastBuild& build : content.builds->builds)
      notes[build.record.variant] = {.state = build.record.status, .words = {build_words(build.record)}};
  }
  if (content.recipes) note_recipes(*content.recipes, notes);
  for (const FleetMachine& machine : content.fleet) {
    if (const Choice* best = machine.selection.best())
      notes[best->candidate.name].words.push_back("best for " + machine.name);
  }
  return notes;
}

void write_matrix(Html& html, const PageContent& content) {
  write_filter(html, "Variants", "RTX 4090 avx512",
               {{"gpu", "GPU"},
                {"cpu", "CPU"},
                {"cuda", "CUDA"},
                {"python", "Python"},
                {"pytorch", "PyTorch"},
                {"package", "Package"},
                {"status", "Status"}});
  write_matrix_part(html, {.argument = content.matrix->argument,
                           .variants = content.matrix->variants,
                           .notes = notes_of(content)});
}

}  // namespace

std::string report_page(const PageContent& content, PageUse use) {
  Html html;
  write_head(html, content);
  html.open("main").line();
  const VariantPlaces places = content.matrix ? places_of(content.matrix->variants) : VariantPlaces{};
  if (content.matrix) write_matrix(html, content);
  if (content.recipes) write_recipes_part(html, *content.recipes, places);
  if (content.builds) write_builds_part(html, *content.builds, places);
  if (!content.fleet.empty()) write_fleet_part(html, content.fleet, places);
  if (!content.contents.empty()) write_contents_part(html, content.contents);
  return page_html(content.title, html.close().line().take(), use);
}

}  // namespace lathe
