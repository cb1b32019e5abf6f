// SPDX-License-Identifier: MIT
#include "page/fleet_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "host/host_info.h"
#include "page/findings_list.h"
#include "page/frame.h"
#include "page/state.h"

namespace lathe {
namespace {

// "2 x H100 (9.0), L4 (8.9)"; "no GPU".
std::string host_gpus(const HostInfo& host) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const HostGpu& gpu : host.gpus) {
    const std::string text = gpu_text(gpu);
    const auto same = std::ranges::find(counts, text, &std::pair<std::string, std::size_t>::first);
    if (same == counts.end()) counts.emplace_back(text, 1);
    else ++same->second;
  }
  std::string all;
  for (const auto& [text, count] : counts)
    all += (all.empty() ? "" : ", ") + (count > 1 ? fmt::format("{} × {}", count, text) : text);
  return all.empty() ? "no GPU" : all;
}

std::string host_cpu(const HostInfo& host) {
  const auto usable = usable_isas(host.cpu);
  return fmt::format("{} ({})", host.cpu.name.empty() ? "a CPU" : host.cpu.name,
                     usable.empty() ? to_string(host.cpu.machine) : usable.back()->name);
}

void write_served(Html& html, const Selection& selection, const VariantPlaces& places) {
  html.open("td", {{"class", "wide"}, {"data-label", "Served by"}});
  if (const Choice* best = selection.best()) {
    write_state(html, state_named("built"), "served");
    html.text(" ");
    write_variant_link(html, best->candidate.name, places);
    html.element("small", reason_for(*best, selection.host));
  } else {
    write_state(html, state_named("failed"), "by none");
    html.open("ul");
    for (const std::string& change : selection.changes) html.element("li", change);
    html.close();
  }
  html.close().line();
}

void write_machine(Html& html, const FleetMachine& machine, const VariantPlaces& places) {
  const HostInfo& host = machine.selection.host;
  html.open("tr").element("th", {{"scope", "row"}}, machine.name);
  html.element("td", {{"data-label", "GPUs"}}, host_gpus(host));
  html.element("td", {{"data-label", "CPU"}}, host_cpu(host));
  html.element("td", {{"data-label", "Driver"}}, host.driver.version ? host.driver.version->text() : "");
  write_served(html, machine.selection, places);
  html.close().line();
}

// "H100 (9.0)": by these variants, on so many machines; the unserved first.
struct ServedGpu {
  std::set<std::string> variants;
  std::size_t machines = 0, served = 0;

  std::string_view state() const {
    if (served == machines) return "built";
    return served > 0 ? "partly" : "failed";
  }
};

std::map<std::string, ServedGpu> served_gpus(const std::vector<FleetMachine>& fleet) {
  std::map<std::string, ServedGpu> all;
  for (const FleetMachine& machine : fleet) {
    std::set<std::string> gpus;
    for (const HostGpu& gpu : machine.selection.host.gpus) gpus.insert(gpu_text(gpu));
    if (gpus.empty()) gpus.insert("no GPU");
    for (const std::string& gpu : gpus) {
      ServedGpu& served = all[gpu];
      ++served.machines;
      if (const Choice* best = machine.selection.best()) {
        ++served.served;
        served.variants.insert(best->candidate.name);
      }
    }
  }
  return all;
}

void write_served_gpus(Html& html, const std::vector<FleetMachine>& fleet, const VariantPlaces& places) {
  begin_table(html, "rows", "By GPU", {"GPU", "Machines", "Served", "By"});
  for (const auto& [gpu, served] : served_gpus(fleet)) {
    html.open("tr").element("th", {{"scope", "row"}}, gpu);
    html.element("td", {{"data-label", "Machines"}}, std::to_string(served.machines));
    html.open("td", {{"data-label", "Served"}});
    write_state(html, state_named(served.state()), fmt::format("{} of {}", served.served, served.machines));
    html.close().open("td", {{"class", "wide"}, {"data-label", "By"}});
    bool first = true;
    for (const std::string& variant : served.variants) {
      if (!first) html.text(", ");
      first = false;
      write_variant_link(html, variant, places);
    }
    html.close().close().line();
  }
  end_table(html);
}

std::string fleet_sum(const std::vector<FleetMachine>& fleet) {
  std::set<std::string> variants;
  std::vector<std::string> unserved;
  for (const FleetMachine& machine : fleet) {
    if (const Choice* best = machine.selection.best()) variants.insert(best->candidate.name);
    else unserved.push_back(machine.name);
  }
  return fmt::format("{} of {} machines are served, by {} variant{}. {}", fleet.size() - unserved.size(),
                     fleet.size(), variants.size(), variants.size() == 1 ? "" : "s",
                     unserved.empty() ? "None is left out."
                                      : fmt::format("No variant serves {}.", fmt::join(unserved, ", ")));
}

}  // namespace

void write_fleet_part(Html& html, const std::vector<FleetMachine>& fleet, const VariantPlaces& places) {
  html.open("section", {{"id", "machines"}}).line().element("h2", "Machines").line();
  html.element("p", fleet_sum(fleet)).line();
  write_served_gpus(html, fleet, places);
  begin_table(html, "rows", "By machine", {"Machine", "GPUs", "CPU", "Driver", "Served by"});
  for (const FleetMachine& machine : fleet) write_machine(html, machine, places);
  end_table(html);
  html.close().line();
}

}  // namespace lathe
