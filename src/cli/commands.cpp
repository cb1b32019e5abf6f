// SPDX-License-Identifier: MIT
#include "cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "os/narrate.h"
#include "base/text.h"
#include "cli/conform.h"
#include "cli/exit/report_exception.h"
#include "cli/options/run_log.h"
#include "cli/parts/examples.h"
#include "cli/parts/welcome.h"
#include "os/narrate.h"

namespace lathe {
namespace {

constexpr Command table[] = {
    {"init", "write a commented matrix file to start from", "The matrix", command_init},
    {"list", "list the variants of a matrix, filtered", "The matrix", command_list},
    {"show", "show everything about one variant", "The matrix", command_show},
    {"catalog", "show the hardware tables with their sources", "The matrix", command_catalog},
    {"schema", "print the JSON Schema of the matrix file, or of a command", "The matrix", command_schema},
    {"generate", "write the recipes of a matrix into a folder", "Recipes", command_generate},
    {"audit", "check a folder of recipes against the matrix", "Recipes", command_audit},
    {"plan", "show what apply would change in a folder of recipes", "Recipes", command_plan},
    {"apply", "make a folder of recipes match the matrix; keep old files", "Recipes", command_apply},
    {"import", "turn a folder of recipes into a matrix file", "Recipes", command_import},
    {"toolkit", "write recipes for CUDA's own packages, from NVIDIA's archives", "Recipes", command_toolkit},
    {"arch-patch", "check whether a PyTorch source tree accepts a GPU; patch it", "Recipes",
     command_arch_patch},
    {"conform", "check recipes against a real nixpkgs, and the facts known of it", "Recipes",
     command_conform},
    {"docs", "update counts and tables in Markdown files", "Recipes", command_docs},
    {"build", "build variants with Nix or Flox, verify, explain failures", "Builds", command_build},
    {"history", "show past builds: when, how long, how they ended; logs", "Builds", command_history},
    {"publish", "publish builds to Flox or a binary cache, with an index", "Builds", command_publish},
    {"report", "write one page: matrix, recipes, builds, files, machines", "Builds", command_report},
    {"diagnose", "find out from its log why a build failed, and how to fix it", "Builds", command_diagnose},
    {"inspect", "show which GPU and CPU code files, folders, wheels hold", "Binaries", command_inspect},
    {"verify", "check that a build holds what its name says", "Binaries", command_verify},
    {"carve", "shrink a library, a folder or a wheel to the GPUs you have", "Binaries", command_carve},
    {"shrink", "shrink all packages of an environment to the GPUs you have", "Binaries", command_shrink},
    {"restore", "give back the original of what carve --side made", "Binaries", command_restore},
    {"serve", "serve slim wheels to pip and uv, carved at first request", "Binaries", command_serve},
    {"export", "make an index of slim wheels for pip and uv, as files", "Binaries", command_export},
    {"detect", "show this machine: GPUs, driver, CPU, limits", "This machine", command_detect},
    {"select", "choose the best variant for this machine, and say why", "This machine", command_select},
    {"doctor", "check this machine and the PyTorch on it, on one page", "This machine", command_doctor},
    {"smoke", "run a build: version, devices, a kernel of each library", "This machine", command_smoke},
    {"explain", "explain a finding, an error line or a GPU, and what to do", "Help", command_explain},
    {"help", "show the page of a command or a topic", "Help", command_help},
    {"version", "show which program this is: commit, libraries", "Help", command_version},
    {"completion", "print a completion script for bash, zsh or fish", "Help", command_completion},
};

// Said before its options are read: an error in those is JSON too.
bool wants_json(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--format=json" || word == "-fjson" || word == "-f=json") return true;
    if ((word == "-f" || word == "--format") && i + 1 < arguments.size() && arguments[i + 1] == "json")
      return true;
  }
  return false;
}

std::string overview() {
  std::string text =
      "torchlathe: inspect, shrink and build PyTorch for the hardware that you have.\n\n"
      "usage: torchlathe COMMAND [OPTIONS] [ARGUMENTS]\n";
  std::string_view group;
  for (const Command& command : table) {
    if (command.group != group) text += fmt::format("\n{}\n", group = command.group);
    text += fmt::format("  {:12}{}\n", command.name, command.summary);
  }
  return text +
         "\nOptions of a command:  torchlathe COMMAND --help\n"
         "A page with examples:  torchlathe help COMMAND\n"
         "Topics:                torchlathe help gpus|formats|exit-codes|environment\n"
         "Exit codes: 0 clean, 1 findings or failed builds, 2 wrong usage, 3 a fault of the machine\n";
}

const Command& find_command(const std::string& name) {
  const auto* found = std::ranges::find(table, name, &Command::name);
  if (found != std::end(table)) return *found;
  std::vector<std::string> names;
  for (const Command& command : table) names.emplace_back(command.name);
  throw Error({.what = fmt::format("there is no command \"{}\"", printable(name)),
               .where = {},
               .next = did_you_mean_text(name, names, "see torchlathe --help")});
}

int dispatch(const std::vector<std::string>& given, Terminal& terminal, std::shared_ptr<RunLog>& log) {
  const std::vector<std::string> arguments = command_first(given);
  if (arguments.empty()) {
    terminal.out(welcome());
    return 2;  // in a script the command was forgotten
  }
  if (arguments[0] == "--help" || arguments[0] == "-h") {
    terminal.out(overview());
    return 0;
  }
  const bool version = arguments[0] == "--version" || arguments[0] == "-V";
  const Command& command = find_command(version ? "version" : arguments[0]);
  const auto bound = command.bind();
  if (!bound->set.parse(command.name, {arguments.begin() + 1, arguments.end()})) {
    terminal.out(bound->set.help(command.name, command.summary, examples_of(command.name)));
    return 0;
  }
  if (!bound->set.prints_text()) terminal.set_fold(0);
  log = bound->global.apply(terminal);
  if (log) log->start(arguments);
  const Narration narration = bound->global.narrate(terminal);
  return bound->run(terminal);
}

int run_reported(const std::vector<std::string>& arguments, Terminal& terminal,
                 std::shared_ptr<RunLog>& log) {
  try {
    const int code = dispatch(arguments, terminal, log);
    terminal.flush();
    return code;
  } catch (...) {
    const bool json = wants_json(arguments);
    if (json) terminal.set_fold(0);
    return report_exception(terminal, json);
  }
}

}  // namespace

std::span<const Command> commands() { return table; }

int run_torchlathe(const std::vector<std::string>& arguments, Terminal& terminal) {
  const auto began = std::chrono::steady_clock::now();
  std::shared_ptr<RunLog> log;
  const int code = run_reported(arguments, terminal, log);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  terminal.say(Tone::detail, fmt::format("torchlathe: took {:.2f} s\n", took.count()));
  if (log) log->end(code);
  return code;
}

}  // namespace lathe
