// SPDX-License-Identifier: MIT
// `torchlathe doctor`: one page about this machine and the PyTorch on it, with the one command to go on with.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "carve/plan/plan.h"
#include "carve/trial.h"
#include "cli/options/candidates_option.h"
#include "cli/commands.h"
#include "cli/parts/surroundings.h"
#include "cli/options/host_option.h"
#include "cli/options/options.h"
#include "device/coverage.h"
#include "device/cuda_target.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "host/host_info.h"
#include "select/examine.h"
#include "host/host_json.h"
#include "inspect/inspect.h"
#include "inspect/installed.h"
#include "os/terminal.h"
#include "select/advice.h"
#include "select/select.h"
#include "report/host.h"
#include "report/selection.h"
#include "shrink/shrink.h"

namespace lathe {
namespace doctor_command {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> paths;
  CandidatesOption candidates;
  HostOption host;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.positionals("path", options.paths, "look at the PyTorch in these folders [what is installed]",
                  ValueKind::file, false);
  options.candidates.declare(set);
  options.host.declare(set, true);
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

struct Installed {
  ExaminedTorch examined;
  std::optional<CarveTrial> shrink;  // of all packages beside it; nullopt: it lies alone, or as for `carve`
  std::optional<CarveTrial>
      carve;  // by carve itself; nullopt: there is no code to take away, or no GPU to keep code for
};

// All that the page says.
struct Page {
  HostInfo host;
  std::vector<Installed> installed = {};
  Selection selection = {};
  std::optional<Way> next = {};  // the one command to go on with
  Findings findings = {};        // all of them
};

// Of a machine that is elsewhere nobody knows what is installed there.
std::vector<InstalledTorch> torches(const Options& options, const HostInfo& host) {
  if (options.paths.empty()) return host.elsewhere ? std::vector<InstalledTorch>{} : installed_torches();
  std::vector<InstalledTorch> all;
  for (const std::string& path : options.paths) {
    const auto torch = torch_in(path);
    if (!torch)
      throw Error({.what = "there is no PyTorch here",
                   .where = {.file = path},
                   .next = "name a folder that holds torch/version.py or torch/lib/libtorch*.so"});
    all.push_back(*torch);
  }
  return all;
}

std::vector<CarveTarget> targets_of(const HostInfo& host) {
  std::vector<CarveTarget> targets;
  for (const Capability gpu : capabilities_of(host.gpus)) targets.push_back({.device = cuda_target(gpu)});
  return targets;
}

std::optional<CarveTrial> carve_for(const HostInfo& host, const ExaminedTorch& examined) {
  const std::vector<CarveTarget> targets = targets_of(host);
  if (targets.empty() || !examined.has_gpu_code) return std::nullopt;
  return try_carve(examined.torch.folder, targets);
}

bool is_site(const fs::path& folder) {
  return folder.filename() == "site-packages" || folder.filename() == "dist-packages";
}

// What `shrink` itself would come to.
std::optional<CarveTrial> shrink_for(const HostInfo& host, const ExaminedTorch& examined) {
  const fs::path site = examined.torch.folder.parent_path();
  const std::vector<CarveTarget> targets = targets_of(host);
  if (targets.empty() || !examined.has_gpu_code || !is_site(site)) return std::nullopt;
  try {
    const Shrunk shrunk = shrink(site, site, {.carve = {.targets = targets, .dry_run = true}});
    return CarveTrial{.before = shrunk.carved.old_size, .after = shrunk.carved.new_size};
  } catch (const Error& error) {
    return CarveTrial{.refused = error.parts().what};
  }
}

// Less is not worth a changed installation.
bool is_worth_it(const CarveTrial& carve) {
  constexpr std::uint64_t twentieth = 20;
  return carve.saves() > 0 && carve.saves() * twentieth >= carve.before;
}

// Nothing where the machine itself is in the way, or where what is installed is right.
std::optional<Way> next_step(const Page& page) {
  if (page.host.notes.count(Severity::error) > 0) return std::nullopt;
  const Installed* installed = page.installed.empty() ? nullptr : &page.installed.front();
  const ExaminedTorch* torch = installed ? &installed->examined : nullptr;
  const Choice* chosen = page.selection.best();
  const Candidate* best = chosen ? &chosen->candidate : nullptr;
  const bool serves = torch && torch->serves(page.host);
  if (serves && !(installed->carve && is_worth_it(*installed->carve))) return std::nullopt;
  const std::vector<Way> ways = ways_to_get(best, page.host, surroundings(page.host, best, torch));
  return ways.empty() ? std::nullopt : std::optional(ways.front());
}

Page examine_all(const Options& options, Terminal& terminal) {
  Page page = {.host = options.host.load()};
  page.findings.add(page.host.notes);
  Progress progress(terminal);
  for (const InstalledTorch& torch : torches(options, page.host)) {
    progress.show(fmt::format("reading {}", torch.folder.string()));
    ExaminedTorch examined = examine(torch, page.host);
    page.findings.add(examined.findings);
    const auto carve = carve_for(page.host, examined);
    progress.show(fmt::format("reading the packages beside {}", torch.folder.string()));
    const auto shrink = shrink_for(page.host, examined);
    page.installed.push_back({std::move(examined), shrink, carve});
  }
  page.selection = select_variant(page.host, options.candidates.load());
  page.next = next_step(page);
  return page;
}

std::string cuda_text(const InstalledTorch& torch) {
  if (!torch.cuda) return "CPU only";
  return torch.cuda->empty() ? "CUDA of unknown version" : "CUDA " + *torch.cuda;
}

std::string torch_line(const InstalledTorch& torch) {
  std::string text = fmt::format(
      "PyTorch {}, {}", torch.version.empty() ? "of unknown version" : torch.version, cuda_text(torch));
  if (!torch.python.empty()) text += ", Python " + torch.python;
  if (!torch.installer.empty()) text += ", installed by " + torch.installer;
  return text;
}

std::string code_line(const ExaminedTorch& examined) {
  std::vector<std::string> names;
  for (const GpuCode& code : examined.code) names.push_back(code.name());
  return fmt::format("{}", fmt::join(names, " "));
}

// "2.11.0a0+gitf3b7280" counts as 2.11.0.
std::optional<Version> release_of(std::string_view version) {
  return Version::parse(version.substr(0, version.find_first_not_of("0123456789.")));
}

// "older than the best variant, which is PyTorch 2.10.0"; "" where one of the two does not say.
std::string age_line(const InstalledTorch& torch, const Choice* best) {
  if (!best) return "";
  const auto here = release_of(torch.version), there = release_of(best->candidate.pytorch);
  if (!here || !there) return "";
  if (*here == *there) return "the release of the best variant";
  return fmt::format("{} than the best variant, which is PyTorch {}", *here < *there ? "older" : "newer",
                     there->text());
}

std::string carve_line(const CarveTrial& carve) {
  if (!carve.refused.empty()) return "saves nothing: " + carve.refused;
  if (carve.saves() == 0) return "saves nothing";
  return fmt::format("saves {} of {}", size_text(carve.saves()), size_text(carve.before));
}

void print_one(const Installed& installed, const Page& page, Terminal& terminal) {
  const InstalledTorch& torch = installed.examined.torch;
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) terminal.print("  {:9}{}\n", key, value);
  };
  terminal.print("{}\n  {}\n", torch.folder.string(), torch_line(torch));
  line("wheel", torch.wheel_tag);
  line("code for", code_line(installed.examined));
  for (const Coverage& coverage : installed.examined.coverage)
    line("on " + spell(coverage.device), coverage.text());
  if (installed.carve) line("carve", carve_line(*installed.carve));
  if (installed.shrink) {
    line("shrink",
         fmt::format("{} in {}", carve_line(*installed.shrink), torch.folder.parent_path().string()));
  }
  line("release", age_line(torch, page.selection.best()));
}

void print_installed(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "Installed"));
  for (const Installed& installed : page.installed) print_one(installed, page, terminal);
  if (!page.installed.empty()) return;
  terminal.out(page.host.elsewhere
                   ? "unknown: this is another machine; name a PyTorch folder to check it for that machine\n"
                   : "no PyTorch in the usual places; name its folder\n");
}

void print_best(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "Best variant"));
  if (const Choice* best = page.selection.best()) {
    terminal.print("{}\n  {}\n", best->candidate.name, reason_for(*best, page.selection.host));
  } else {
    terminal.out("none is compatible\n");
    for (const std::string& change : page.selection.changes) terminal.print("  {}\n", change);
  }
}

void print_findings(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "Problems"));
  Findings all;
  for (Finding finding : page.findings) {
    if (!finding.where.file.empty()) finding.what = fmt::format("{} {}", finding.where.file, finding.what);
    all.add(std::move(finding));
  }
  terminal.out(all.empty() ? "no problems found\n" : notes_text(all, terminal));
}

void print_text(const Page& page, Terminal& terminal) {
  HostInfo machine = page.host;
  machine.notes = {};  // they stand under "Problems"
  terminal.print("{}\n", terminal.styled(Style::bold, "This machine"));
  terminal.out(host_text(machine, terminal, CpuFeatures::left_out));
  print_installed(page, terminal);
  print_best(page, terminal);
  print_findings(page, terminal);
  if (!page.next) return;
  terminal.print("\n{}\n{}\n", terminal.styled(Style::bold, "Next"), page.next->command);
  if (page.next->by == "carve")
    terminal.out("for more machines like this one: torchlathe serve --wheels DIR --gpu native\n");
}

void write_installed(JsonWriter& json, const Installed& installed) {
  const ExaminedTorch& examined = installed.examined;
  json.begin_object()
      .member("folder", examined.torch.folder.string())
      .member("version", examined.torch.version);
  json.member("cuda", examined.torch.cuda)
      .member("python", examined.torch.python)
      .member("wheel_tag", examined.torch.wheel_tag)
      .member("installer", examined.torch.installer);
  json.key("code").begin_array();
  for (const GpuCode& code : examined.code) json.value(code.name());
  json.end_array().key("runs").begin_array();
  for (const Coverage& coverage : examined.coverage) {
    json.begin_object()
        .member("device", spell(coverage.device))
        .member("code", to_string(coverage.runs))
        .end_object();
  }
  json.end_array();
  const bool planned = installed.carve && installed.carve->refused.empty();
  json.member("carve_saves", planned ? std::optional(installed.carve->saves()) : std::nullopt);
  const bool shrinks = installed.shrink && installed.shrink->refused.empty();
  json.member("shrink_saves", shrinks ? std::optional(installed.shrink->saves()) : std::nullopt);
  json.end_object();
}

void print_json(const Page& page, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).key("machine").begin_object();
  write_host(json, page.host);
  json.end_object().key("installed").begin_array();
  for (const Installed& installed : page.installed) write_installed(json, installed);
  const Choice* best = page.selection.best();
  json.end_array().member("best", best ? std::optional(best->candidate.name) : std::nullopt);
  json.member("changes", page.selection.changes);
  json.member("next", page.next ? std::optional(page.next->command) : std::nullopt);
  write_findings(json, "findings", page.findings);
  terminal.out(json.end_object().take());
}

int run(const Options& options, Terminal& terminal) {
  const Page page = examine_all(options, terminal);
  if (options.format == "json") print_json(page, terminal);
  else print_text(page, terminal);
  return page.selection.best() ? page.findings.exit_code(true) : 1;
}

}  // namespace doctor_command

std::unique_ptr<BoundCommand> command_doctor() {
  return bind_command(doctor_command::declare, doctor_command::run);
}

}  // namespace lathe
