// SPDX-License-Identifier: MIT
// `torchlathe version`, `--version`, `-V`: which program this is, and which libraries it was built with.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/json.h"
#include "base/json_report.h"
#include "base/wrap.h"
#include "cli/build_facts.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "os/terminal.h"

namespace lathe {
namespace version_command {

struct Options {
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

std::string text() {
  const BuildFacts& facts = build_facts();
  std::string out = fmt::format("torchlathe {}", facts.version);
  if (!facts.commit.empty()) out += fmt::format(" ({})", facts.commit);
  std::string with;
  for (const LinkedPart& part : facts.parts)
    with += fmt::format("{}{}{}{}", with.empty() ? "" : ", ", part.name, part.version.empty() ? "" : " ",
                        part.version);
  constexpr std::size_t indent = 5, width = 80;
  return out + fmt::format("\nfor {}, by {}\nwith {}\n", facts.machine, facts.compiler,
                           wrapped(with, indent, width));
}

std::string json() {
  const BuildFacts& facts = build_facts();
  JsonWriter json;
  begin_report(json)
      .member("version", facts.version)
      .member("commit", facts.commit)
      .member("machine", facts.machine)
      .member("compiler", facts.compiler);
  json.key("parts").begin_object();
  for (const LinkedPart& part : facts.parts) json.member(part.name, part.version);
  json.end_object().end_object();
  return json.take();
}

int run(const Options& options, Terminal& terminal) {
  terminal.out(options.format == "json" ? json() : text());
  return 0;
}

}  // namespace version_command

std::unique_ptr<BoundCommand> command_version() {
  return bind_command(version_command::declare, version_command::run);
}

}  // namespace lathe
