// SPDX-License-Identifier: MIT
#include "page/builds_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "page/findings_list.h"
#include "page/frame.h"
#include "page/state.h"
#include "page/variant_marks.h"
#include "report/build_plan.h"
#include "report/progress.h"

namespace lathe {
namespace {

std::string bytes_or_nothing(const std::optional<std::int64_t>& bytes) {
  return bytes.value_or(0) > 0 ? bytes_text(static_cast<std::uint64_t>(*bytes)) : "";
}

std::string time_of(const BuildRecord& record) {
  return record.seconds && std::isfinite(*record.seconds) ? duration_text(*record.seconds) : "";
}

void write_log(Html& html, const LastBuild& build) {
  if (!build.no_log.empty()) html.element("p", build.no_log);
  if (build.log_end.empty()) return;
  html.open("details")
      .element("summary", "the end of its log")
      .open("pre", {{"class", "log"}, {"tabindex", "0"}});
  for (const std::string& line : build.log_end) html.text(line).line();
  html.close().close();
}

void write_why(Html& html, const LastBuild& build) {
  html.open("td", {{"class", "wide"}, {"data-label", "Why"}});
  if (build.why.empty()) html.text(build.record.rule.empty() ? build.record.verdict : build.record.rule);
  write_findings(html, build.why);
  write_log(html, build);
  html.close().line();
}

void write_build(Html& html, const LastBuild& build, const VariantPlaces& places) {
  const BuildRecord& record = build.record;
  const State& state = state_named(record.status);
  open_item(html, "tr", record.variant, state.word);
  html.open("th", {{"scope", "row"}});
  write_variant_link(html, record.variant, places);
  html.close().open("td", {{"data-label", "State"}});
  write_state(html, state, record.status);
  html.close();
  html.element("td", {{"data-label", "Started, UTC"}}, utc_minute(record.started));
  html.element("td", {{"data-label", "Took"}, {"class", "number"}}, time_of(record));
  html.element("td", {{"data-label", "Memory"}, {"class", "number"}}, bytes_or_nothing(record.peak_bytes));
  html.element("td", {{"data-label", "Size"}, {"class", "number"}}, bytes_or_nothing(record.output_bytes));
  write_why(html, build);
  html.close().line();
}

std::string estimated_from(const MatrixCost& cost) {
  if (cost.samples == 0)
    return "No build for a GPU was measured yet: this counts builds for one GPU, and guesses what part of "
           "one "
           "is device code.";
  const std::string carves =
      cost.carve_samples > 0 ? fmt::format("by {} measured ones", cost.carve_samples) : "a guess";
  return fmt::format("Estimated from {} measured build{}; a carve takes {}, {}.", cost.samples,
                     cost.samples == 1 ? "" : "s", span_text(cost.carve, true), carves);
}

void write_cost(Html& html, const MatrixCost& cost) {
  begin_table(html, "rows",
              fmt::format("What the whole matrix costs, {} variants one after another", cost.variants),
              {"Strategy", "Builds", "Carves", "Estimate"});
  for (const StrategyCost& each : cost.strategies) {
    html.open("tr").element("th", {{"scope", "row"}}, each.strategy);
    html.element("td", {{"data-label", "Builds"}}, std::to_string(each.builds));
    html.element("td", {{"data-label", "Carves"}}, each.carves > 0 ? std::to_string(each.carves) : "");
    html.element("td", {{"data-label", "Estimate"}}, span_text(each.cost, cost.samples > 0)).close().line();
  }
  end_table(html);
  html.element("p", estimated_from(cost)).line();
}

}  // namespace

std::string utc_minute(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[40] = "";
  if (!gmtime_r(&time, &parts) || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
    return std::to_string(seconds);
  return text;
}

std::string build_words(const BuildRecord& record) {
  std::string words = fmt::format("{} {} UTC", record.status, utc_minute(record.started));
  if (const std::string took = time_of(record); !took.empty()) words += " after " + took;
  if (const std::string memory = bytes_or_nothing(record.peak_bytes); !memory.empty())
    words += ", " + memory + " of memory";
  return words;
}

void write_builds_part(Html& html, const BuildsPart& part, const VariantPlaces& places) {
  html.open("section", {{"id", "builds"}, {"data-counted", "builds"}}).line().element("h2", "Builds").line();
  if (part.builds.empty()) html.element("p", "Nothing was built here yet.").line();
  if (!part.builds.empty()) {
    begin_table(html, "rows", "The last build of each variant",
                {"Variant", "State", "Started, UTC", "Took", "Memory", "Size", "Why"});
    for (const LastBuild& build : part.builds) write_build(html, build, places);
    end_table(html);
  }
  if (part.cost) write_cost(html, *part.cost);
  html.close().line();
}

}  // namespace lathe
