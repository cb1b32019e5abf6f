// SPDX-License-Identifier: MIT
// `torchlathe schema [NAME]`: the JSON Schema of the matrix file, or of what a command prints as JSON:
// schemas/NAME.schema.json, compiled in.
#include <fmt/format.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "os/terminal.h"

namespace lathe::schemas {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace schema_command {

struct Options {
  std::string of = "matrix";
};

void declare(OptionSet& set, Options& options) {
  std::vector<std::string> names;
  for (const EmbeddedFile& schema : schemas::files())
    names.emplace_back(schema.name.substr(0, schema.name.find('.')));
  set.positional("name", options.of, "of the matrix file, or of what a command prints as JSON [matrix]",
                 ValueKind::text, false);
  set.values(std::move(names));
}

int run(const Options& options, Terminal& terminal) {
  std::vector<std::string> names;
  for (const EmbeddedFile& schema : schemas::files()) {
    names.emplace_back(schema.name.substr(0, schema.name.find('.')));
    if (names.back() != options.of) continue;
    terminal.data(schema.text);
    return 0;
  }
  throw Error(
      {.what = fmt::format("there is no schema \"{}\"", printable(options.of)),
       .where = {},
       .next = did_you_mean_text(options.of, names, fmt::format("use one of {}", fmt::join(names, ", ")))});
}

}  // namespace schema_command

std::unique_ptr<BoundCommand> command_schema() {
  return bind_command(schema_command::declare, schema_command::run);
}

}  // namespace lathe
