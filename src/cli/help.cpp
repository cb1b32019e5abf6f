// SPDX-License-Identifier: MIT
// `torchlathe help COMMAND`: the command's page, which is docs/commands/COMMAND.md compiled in.
#include <fmt/format.h>

#include <algorithm>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

namespace lathe::help_pages {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

struct Options {
  std::string command = "help";
};

void declare(OptionSet& set, Options& options) {
  set.positional("command", options.command, "the command to read about", ValueKind::text, false);
}

int run(const Options& options, Terminal& terminal) {
  std::vector<std::string> names;
  for (const EmbeddedFile& page : help_pages::files()) {
    names.emplace_back(page.name.substr(0, page.name.rfind('.')));
    if (names.back() != options.command) continue;
    terminal.out(page.text);
    return 0;
  }
  throw Error({.what = fmt::format("there is no page about \"{}\"", printable(options.command)),
               .where = {},
               .next = did_you_mean_text(options.command, names, "see: torchlathe --help")});
}

}  // namespace

std::unique_ptr<BoundCommand> command_help() { return bind_command(declare, run); }

}  // namespace lathe
