// SPDX-License-Identifier: MIT
// `torchlathe catalog`: the hardware tables, with the source of each row.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "os/terminal.h"
#include "report/catalog_tables.h"

namespace lathe {
namespace catalog_command {

struct Options {
  std::string table;
  std::vector<std::string> globs;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  const auto names = catalog_table_names();
  set.positional_choice("table", options.table, {names.begin(), names.end()}, "which table");
  set.positionals("word", options.globs, "rows in which a value fits: 12.0, 5090, 'rtx 50*'", ValueKind::text,
                  false);
  set.choice("-f,--format", options.format, {"text", "json", "csv", "md"}, "how to print [text]");
}

int run(const Options& options, Terminal& terminal) {
  const CatalogTable table = catalog_table(options.table, options.globs);
  if (!table.unmet.empty()) {
    const std::string& word = table.unmet.front();
    throw Error(
        {.what = fmt::format("no row of {} has \"{}\"", options.table, printable(word)),
         .where = {},
         .next = did_you_mean_text(word, texts_of(catalog_table(options.table, {})),
                                   fmt::format("see them all: torchlathe catalog {}", options.table))});
  }
  print(table, options.format, terminal);
  return 0;
}

}  // namespace catalog_command

std::unique_ptr<BoundCommand> command_catalog() {
  return bind_command(catalog_command::declare, catalog_command::run);
}

}  // namespace lathe
