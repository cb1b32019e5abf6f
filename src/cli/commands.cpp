// SPDX-License-Identifier: MIT
#include "cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "cli/conform.h"
#include "cli/exit/report_exception.h"

namespace lathe {
namespace {

constexpr Command table[] = {
    {"init", "write a commented matrix file to start from", "The matrix", command_init},
    {"list", "the variants of a matrix, filtered", "The matrix", command_list},
    {"show", "everything about one variant", "The matrix", command_show},
    {"catalog", "the hardware tables with their sources", "The matrix", command_catalog},
    {"schema", "the JSON Schema of the matrix file, for editors", "The matrix", command_schema},
    {"generate", "write the recipes of a matrix into a folder", "Recipes", command_generate},
    {"audit", "what is wrong with the recipes of a folder", "Recipes", command_audit},
    {"plan", "what apply would do to a folder of recipes", "Recipes", command_plan},
    {"apply", "do what plan shows; old files are kept", "Recipes", command_apply},
    {"import", "read a folder of recipes back into a matrix file", "Recipes", command_import},
    {"toolkit", "recipes of CUDA's own packages, from NVIDIA's archives", "Recipes", command_toolkit},
    {"arch-patch", "does a PyTorch source tree take a GPU; a patch if not", "Recipes", command_arch_patch},
    {"conform", "do the recipes hold on a real nixpkgs, and is it as known", "Recipes", command_conform},
    {"docs", "keep counts and tables in documents true", "Recipes", command_docs},
    {"build", "build a matrix with Nix or Flox, verify, explain failures", "Builds", command_build},
    {"history", "what was built, when, how long, how it ended; logs", "Builds", command_history},
    {"publish", "publish builds to Flox or a binary cache, with an index", "Builds", command_publish},
    {"diagnose", "why a build failed, from its log, and what mends it", "Builds", command_diagnose},
    {"inspect", "which GPU and CPU code files, folders, wheels really hold", "Binaries", command_inspect},
    {"verify", "does a build keep the promise of its name", "Binaries", command_verify},
    {"carve", "cut a library or a folder down to some GPUs", "Binaries", command_carve},
    {"detect", "what machine this is: GPUs, driver, CPU, limits", "This machine", command_detect},
    {"select", "the best variant for this machine, and why", "This machine", command_select},
    {"doctor", "one page: this machine, what is installed, what to mend", "This machine", command_doctor},
    {"smoke", "run a build: version, devices, a kernel of each library", "This machine", command_smoke},
    {"explain", "what a finding, an error line or a GPU means, and what to do", "Help", command_explain},
    {"help", "the page of a command", "Help", command_help},
    {"completion", "a completion script for bash, zsh or fish", "Help", command_completion},
};

std::string overview() {
  std::string text =
      "torchlathe: one matrix file, every hardware-specialised PyTorch build.\n\n"
      "usage: torchlathe COMMAND [OPTIONS] [ARGUMENTS]\n";
  std::string_view group;
  for (const Command& command : table) {
    if (command.group != group) text += fmt::format("\n{}\n", group = command.group);
    text += fmt::format("  {:12}{}\n", command.name, command.summary);
  }
  return text +
         "\nOptions of a command: torchlathe COMMAND --help. Its page with examples: torchlathe help "
         "COMMAND.\n"
         "Exit codes: 0 clean, 1 findings or failed builds, 2 wrong usage, 3 a fault of the machine.\n";
}

const Command& find_command(const std::string& name) {
  const auto* found = std::ranges::find(table, name, &Command::name);
  if (found != std::end(table)) return *found;
  std::vector<std::string> names;
  for (const Command& command : table) names.emplace_back(command.name);
  throw Error({.what = fmt::format("there is no command \"{}\"", printable(name)),
               .where = {},
               .next = did_you_mean_text(name, names, "see: torchlathe --help")});
}

int dispatch(const std::vector<std::string>& arguments, Terminal& terminal) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
    terminal.out(overview());
    return arguments.empty() ? 2 : 0;
  }
  if (arguments[0] == "--version" || arguments[0] == "-V") {
    terminal.out("torchlathe " LATHE_VERSION "\n");
    return 0;
  }
  const Command& command = find_command(arguments[0]);
  const auto bound = command.bind();
  if (!bound->set.parse(command.name, {arguments.begin() + 1, arguments.end()})) {
    terminal.out(bound->set.help(command.name, command.summary));
    return 0;
  }
  return bound->run(terminal);
}

}  // namespace

std::span<const Command> commands() { return table; }

int run_torchlathe(const std::vector<std::string>& arguments, Terminal& terminal) {
  try {
    const int code = dispatch(arguments, terminal);
    terminal.flush();
    return code;
  } catch (...) {
    return report_exception(terminal);
  }
}

}  // namespace lathe
