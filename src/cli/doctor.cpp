// SPDX-License-Identifier: MIT
// `torchlathe doctor`: one page about this machine and the PyTorch on it.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "cli/options/candidates_option.h"
#include "cli/commands.h"
#include "cli/options/host_option.h"
#include "cli/options/options.h"
#include "device/coverage.h"
#include "host/host_info.h"
#include "select/examine.h"
#include "host/host_json.h"
#include "inspect/installed.h"
#include "os/terminal.h"
#include "select/select.h"
#include "report/host.h"
#include "report/selection.h"

namespace lathe {
namespace doctor_command {

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

// All that the page says.
struct Page {
  HostInfo host;
  std::vector<ExaminedTorch> installed = {};
  Selection selection = {};
  Findings findings = {};  // all of them
};

std::vector<InstalledTorch> torches(const Options& options) {
  if (options.paths.empty())
    return options.host.from.empty() ? installed_torches() : std::vector<InstalledTorch>{};
  std::vector<InstalledTorch> all;
  for (const std::string& path : options.paths) {
    const auto torch = torch_in(path);
    if (!torch)
      throw Error({.what = "there is no PyTorch here",
                   .where = {.file = path},
                   .next = "name a folder that holds torch/version.py"});
    all.push_back(*torch);
  }
  return all;
}

Page examine_all(const Options& options, Terminal& terminal) {
  Page page = {.host = options.host.load()};
  page.findings.add(page.host.notes);
  Progress progress(terminal);
  for (const InstalledTorch& torch : torches(options)) {
    progress.show(fmt::format("reading {}", torch.folder.string()));
    page.installed.push_back(examine(torch, page.host));
    page.findings.add(page.installed.back().findings);
  }
  page.selection = select_variant(page.host, options.candidates.load());
  return page;
}

std::string torch_line(const ExaminedTorch& examined) {
  const InstalledTorch& torch = examined.torch;
  return fmt::format("PyTorch {}, {}{}", torch.version.empty() ? "of unknown version" : torch.version,
                     torch.cuda ? "CUDA " + *torch.cuda : "CPU only",
                     torch.python.empty() ? "" : ", Python " + torch.python);
}

void print_installed(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "Installed"));
  if (page.installed.empty())
    terminal.out("no PyTorch in the usual places; name its folder to have it looked at\n");
  for (const ExaminedTorch& examined : page.installed) {
    terminal.print("{}\n  {}\n", examined.torch.folder.string(), torch_line(examined));
    for (const Coverage& coverage : examined.coverage) {
      terminal.print("  code for {}: {}\n", spell(coverage.device), coverage.text());
    }
  }
}

void print_best(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "Best variant"));
  if (const Choice* best = page.selection.best()) {
    terminal.print("{}\n  {}\n", best->candidate.name, reason_for(*best, page.selection.host));
  } else {
    terminal.out("none starts here\n");
    for (const std::string& change : page.selection.changes) terminal.print("  {}\n", change);
  }
}

void print_findings(const Page& page, Terminal& terminal) {
  terminal.print("\n{}\n", terminal.styled(Style::bold, "To mend"));
  Findings all;
  for (Finding finding : page.findings) {
    if (!finding.where.file.empty()) finding.what = fmt::format("{} {}", finding.where.file, finding.what);
    all.add(std::move(finding));
  }
  terminal.out(all.empty() ? "nothing\n" : notes_text(all, terminal));
}

void print_text(const Page& page, Terminal& terminal) {
  HostInfo machine = page.host;
  machine.notes = {};  // they stand under "To mend"
  terminal.print("{}\n", terminal.styled(Style::bold, "This machine"));
  terminal.out(host_text(machine, terminal));
  print_installed(page, terminal);
  print_best(page, terminal);
  print_findings(page, terminal);
}

void print_json(const Page& page, Terminal& terminal) {
  JsonWriter json;
  json.begin_object().key("machine").begin_object();
  write_host(json, page.host);
  json.end_object().key("installed").begin_array();
  for (const ExaminedTorch& examined : page.installed) {
    json.begin_object()
        .member("folder", examined.torch.folder.string())
        .member("version", examined.torch.version);
    json.member("cuda", examined.torch.cuda)
        .member("python", examined.torch.python)
        .key("runs")
        .begin_array();
    for (const Coverage& coverage : examined.coverage) {
      json.begin_object()
          .member("device", spell(coverage.device))
          .member("code", to_string(coverage.runs))
          .end_object();
    }
    json.end_array().end_object();
  }
  const Choice* best = page.selection.best();
  json.end_array().member("best", best ? std::optional(best->candidate.name) : std::nullopt);
  json.member("changes", page.selection.changes);
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
