// SPDX-License-Identifier: MIT
// `torchlathe select`: which variant is right for this machine?
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "cli/options/candidates_option.h"
#include "cli/commands.h"
#include "cli/parts/surroundings.h"
#include "cli/options/host_option.h"
#include "cli/options/options.h"
#include "hardware/wheel_property.h"
#include "host/host_info.h"
#include "select/index.h"
#include "select/advice.h"
#include "select/examine.h"
#include "inspect/installed.h"
#include "os/terminal.h"
#include "select/select.h"
#include "report/selection.h"

namespace lathe {
namespace select_command {

struct Options {
  CandidatesOption candidates;
  HostOption host;
  SelectOptions select;
  std::string gpu_index, variant;
  std::string format = "text";
  bool all = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("name", options.select.names, "choose among these only: names, or globs over them",
                  ValueKind::variant, false);
  options.candidates.declare(set);
  options.host.declare(set, true);
  set.text("--gpu-index", options.gpu_index, "NUMBER", "choose for this GPU alone, by detect's numbers");
  set.text("--prefer", options.select.prefer, "KIND",
           "prefer, between equal CPU code, the one for: bf16, int8 [bf16]");
  set.texts("--cuda", options.select.cuda, "VERSION", "only of these CUDA releases: 13.0");
  set.texts("--python", options.select.python, "VERSION", "only for these Pythons: 3.13");
  set.texts("--pytorch", options.select.pytorch, "VERSION", "only of these PyTorch releases: 2.10.0");
  set.text("--variant", options.variant, "NAME", "only this variant: print it if it is compatible",
           ValueKind::variant);
  set.flag("--all", options.all, "every other variant, not only those that fit into 40 lines");
  set.choice("-f,--format", options.format, {"text", "json", "variant"},
             "how to print; variant: what the best one states as a wheel variant [text]");
}

SelectOptions select_options(const Options& options) {
  SelectOptions select = options.select;
  select.prefer = or_environment(select.prefer, "TORCHLATHE_PREFER");
  const std::string index = or_environment(options.gpu_index, "TORCHLATHE_GPU_INDEX");
  if (!index.empty()) {
    std::size_t number = 0;
    const char* end = index.data() + index.size();
    if (std::from_chars(index.data(), end, number).ptr != end) {
      throw Error({.what = fmt::format("\"{}\" is not the number of a GPU", printable(index)),
                   .next = "list their numbers with: torchlathe detect"});
    }
    select.gpu = number;
  }
  const std::string forced = or_environment(options.variant, "TORCHLATHE_VARIANT");
  if (!forced.empty()) select.names = {forced};
  return select;
}

void check_choice(const Selection& selection, const SelectOptions& select,
                  const std::vector<Candidate>& candidates) {
  if (!selection.starting.empty() || !selection.excluded.empty()) return;
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates) names.push_back(candidate.name);
  const std::string wanted = select.names.empty() ? "" : select.names.front();
  std::string what = "no variant fits these filters";
  if (!wanted.empty()) what = fmt::format("there is no variant \"{}\"", printable(wanted));
  if (candidates.empty()) what = "there is nothing to choose from";
  throw Error(
      {.what = what, .next = did_you_mean_text(wanted, names, "list the variants with: torchlathe list")});
}

// The installed PyTorch counts where it runs: then a carve is all that is missing.
std::vector<Way> ways(const Selection& selection) {
  const HostInfo& host = selection.host;
  const Candidate* best = selection.best() ? &selection.best()->candidate : nullptr;
  std::optional<ExaminedTorch> torch;
  if (!host.elsewhere && !host.gpus.empty()) {
    const std::vector<InstalledTorch> installed = installed_torches();
    if (!installed.empty()) torch = examine(installed.front(), host);
  }
  return ways_to_get(best, host, surroundings(host, best, torch ? &*torch : nullptr));
}

// A machine is neither a folder nor at a URL: there --from means what there is to choose from.
Options with_index(Options options) {
  if (!is_index_place(options.host.from)) return options;
  if (!options.candidates.published.empty()) {
    throw Error({.what = "--from names an index, and --published another one", .next = "give one of them"});
  }
  options.candidates.published = std::exchange(options.host.from, "");
  return options;
}

int run(const Options& given, Terminal& terminal) {
  const Options options = with_index(given);
  const SelectOptions select = select_options(options);
  const std::vector<Candidate> candidates = options.candidates.load();
  const Selection selection = select_variant(options.host.load(), candidates, select);
  check_choice(selection, select, candidates);
  const Choice* best = selection.best();
  if (terminal.quiet() || options.format == "variant") {
    if (!best) {
      terminal.err("torchlathe: no variant is compatible with this machine\n");
      if (selection.excluded.size() == 1) {
        for (const Finding& missing : selection.excluded.front().judgement.missing)
          terminal.err(safe_format("  it {}\n", missing.what));
      }
      for (const std::string& change : selection.changes) terminal.err(safe_format("  fix: {}\n", change));
    } else if (terminal.quiet()) {
      terminal.print("{}\n", best->candidate.name);
    } else {
      const Candidate& chosen = best->candidate;
      for (const auto& property : properties_of_build(chosen.code, chosen.cuda, chosen.isa))
        terminal.print("{}\n", property.text());
    }
  } else if (options.format == "json") {
    terminal.out(selection_json(selection, ways(selection)));
  } else {
    constexpr std::size_t most_lines = 40;
    terminal.out(selection_text(selection, ways(selection), options.all ? 0 : most_lines, terminal));
  }
  return best ? 0 : 1;
}

}  // namespace select_command

std::unique_ptr<BoundCommand> command_select() {
  return bind_command(select_command::declare, select_command::run);
}

}  // namespace lathe
