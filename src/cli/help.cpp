// SPDX-License-Identifier: MIT
// `torchlathe help COMMAND`: the command's page, which is docs/commands/COMMAND.md compiled in.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "cli/parts/page.h"
#include "os/terminal.h"

namespace lathe::help_pages {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace help_command {

struct Options {
  std::string page = "help";
  bool man = false;
};

void declare(OptionSet& set, Options& options) {
  std::vector<std::string> names;
  for (const EmbeddedFile& page : help_pages::files())
    names.emplace_back(page.name.substr(0, page.name.rfind('.')));
  set.positional("page", options.page, "a command or a topic", ValueKind::text, false);
  set.values(std::move(names));
  set.flag("--man", options.man, "print the manual page of torchlathe(1) instead, for `man -l -`");
}

// roff takes a leading dot or quote as a request and a hyphen as a soft one.
std::string roff(std::string_view text) {
  std::string escaped = replace_all(replace_all(std::string(text), "\\", "\\e"), "-", "\\-");
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

std::string manual_page() {
  std::string page = ".TH TORCHLATHE 1 \"\" \"torchlathe " LATHE_VERSION
                     "\"\n.SH NAME\ntorchlathe \\- inspect, shrink and build "
                     "PyTorch for the hardware that you have\n.SH SYNOPSIS\n.B torchlathe\n.I "
                     "COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n";
  for (const Command& command : commands()) {
    const auto bound = command.bind();
    page += fmt::format(".SH {}\n{}\n", roff(command.name), roff(command.summary));
    for (const Declared& option : bound->set.declared()) {
      page += fmt::format(".TP\n\\fB{}\\fR {}\n{}\n", roff(replace_all(option.names, ",", ", ")),
                          roff(option.value), roff(option.help));
    }
  }
  return page +
         ".SH EXIT STATUS\n0 clean, 1 findings or failed builds, 2 wrong usage, 3 a fault of the machine\n";
}

int run(const Options& options, Terminal& terminal) {
  if (options.man) {
    terminal.data(manual_page());
    return 0;
  }
  std::vector<std::string> names;
  for (const EmbeddedFile& page : help_pages::files()) {
    names.emplace_back(page.name.substr(0, page.name.rfind('.')));
    if (names.back() != options.page) continue;
    terminal.out(page_text(page.text, terminal));
    return 0;
  }
  throw Error({.what = fmt::format("there is no page about \"{}\"", printable(options.page)),
               .where = {},
               .next = did_you_mean_text(options.page, names, "see torchlathe --help")});
}

}  // namespace help_command

std::unique_ptr<BoundCommand> command_help() {
  return bind_command(help_command::declare, help_command::run);
}

}  // namespace lathe
