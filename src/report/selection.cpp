// SPDX-License-Identifier: MIT
#include "report/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/safe_format.h"
#include "hardware/catalog.h"
#include "host/host_info.h"
#include "host/host_json.h"
#include "report/host.h"
#include "report/table.h"
#include "select/judge.h"

namespace lathe {
namespace {

std::string missing_text(const Judgement& judgement) {
  std::string text;
  for (const Finding& missing : judgement.missing) text += (text.empty() ? "" : "; ") + missing.what;
  return text;
}

void write_choice(JsonWriter& json, const Choice& choice) {
  const Candidate& candidate = choice.candidate;
  const auto text_of = [](const std::optional<Version>& version) {
    return version ? std::optional(version->text()) : std::nullopt;
  };
  json.begin_object().member("name", candidate.name).member("starts", choice.judgement.starts());
  if (choice.judgement.starts()) {
    json.member("fit", candidate.is_gpu() ? std::optional(std::string(to_string(choice.judgement.fit)))
                                          : std::nullopt);
    json.member("why_not_better", choice.why);
  } else {
    write_findings(json, "findings", choice.judgement.missing);
  }
  json.member("isa", candidate.isa ? std::optional(candidate.isa->name) : std::nullopt);
  json.member("cuda", text_of(candidate.cuda))
      .member("pytorch", candidate.pytorch)
      .member("python", candidate.python);
  json.end_object();
}

// The other variants, in what `lines` leave after `used`: an empty line, the totals, a header and the rest.
std::string others_text(const Selection& selection, std::size_t lines, std::size_t used,
                        const Terminal& terminal) {
  constexpr std::size_t frame = 3;
  const std::size_t rows = lines == 0 ? selection.starting.size() + selection.excluded.size()
                                      : lines - std::min(lines, used + frame);
  Table others({"variant", "why it is not better, or what it lacks"});
  std::size_t count = 0;
  const auto add = [&](const Choice& choice, const std::string& why, Style style) {
    if (++count <= rows) others.add({choice.candidate.name, why}, style);
  };
  for (const Choice& choice : selection.starting) {
    if (&choice != selection.best()) add(choice, choice.why, Style::plain);
  }
  const std::size_t compatible = count;
  for (const Choice& choice : selection.excluded) add(choice, missing_text(choice.judgement), Style::dim);
  if (count == 0) return "";
  return safe_format("\n{} other variant{} compatible, {} not{}\n", compatible,
                     compatible == 1 ? " is" : "s are",
                     fmt::format("{} {}", count - compatible, count - compatible == 1 ? "is" : "are"),
                     count > rows ? " (--all lists them all)" : "") +
         (others.empty() ? "" : others.text(terminal));
}

std::vector<std::string> commands_of(const std::vector<Way>& ways) {
  std::vector<std::string> commands;
  for (const Way& way : ways) commands.push_back(way.command);
  return commands;
}

}  // namespace

std::string host_in_short(const HostInfo& host) {
  std::vector<std::string> parts;
  for (const HostGpu& gpu : host.gpus) {
    const std::string text = gpu_text(gpu);
    if (parts.empty() || parts.back() != text) parts.push_back(text);
  }
  if (parts.empty()) parts.emplace_back("no GPU");
  if (!host.gpus.empty() && host.driver.version) parts.push_back("driver " + host.driver.version->text());
  if (!host.gpus.empty() && !host.driver.version && !host.driver.assumed) parts.emplace_back("no driver");
  const auto usable = usable_isas(host.cpu);
  parts.push_back(fmt::format("{} ({})", host.cpu.name.empty() ? "a CPU" : host.cpu.name,
                              usable.empty() ? to_string(host.cpu.machine) : usable.back()->name));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string selection_text(const Selection& selection, const std::vector<Way>& ways, std::size_t lines,
                           const Terminal& terminal) {
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value) {
    text += safe_format("{} {}\n", terminal.styled(Style::bold, fmt::format("{:9}", key)), value);
  };
  line("machine", host_in_short(selection.host));
  if (const Choice* best = selection.best()) {
    line("best", terminal.styled(Style::green, best->candidate.name));
    if (!best->candidate.companions.empty())
      line("with", fmt::format("{}", fmt::join(best->candidate.companions, ", ")));
    line("because", reason_for(*best, selection.host));
  } else {
    line("best", terminal.styled(Style::red, "none is compatible"));
    for (const std::string& change : selection.changes) line("change", change);
  }
  for (const Way& way : ways) line(way.by, way.command);
  text += notes_text(selection.host.notes, terminal);
  return text +
         others_text(selection, lines, static_cast<std::size_t>(std::ranges::count(text, '\n')), terminal);
}

std::string selection_json(const Selection& selection, const std::vector<Way>& ways) {
  JsonWriter json;
  const Choice* best = selection.best();
  begin_report(json);
  json.member("best", best ? std::optional(best->candidate.name) : std::nullopt);
  json.member("companions", best ? best->candidate.companions : std::vector<std::string>{});
  json.member("reason", best ? std::optional(reason_for(*best, selection.host)) : std::nullopt);
  json.member("runner_up", selection.starting.size() > 1 ? std::optional(selection.starting[1].candidate.name)
                                                         : std::nullopt);
  json.member("commands", commands_of(ways)).member("changes", selection.changes);
  json.member("summary", host_in_short(selection.host)).key("machine").begin_object();
  write_host(json, selection.host);
  json.end_object().key("variants").begin_array();
  for (const Choice& choice : selection.starting) write_choice(json, choice);
  for (const Choice& choice : selection.excluded) write_choice(json, choice);
  write_findings(json.end_array(), "notes", selection.host.notes);
  return json.end_object().take();
}

}  // namespace lathe
