// SPDX-License-Identifier: MIT
// `torchlathe docs`: keeps counts and tables in documents as the matrix has them.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "audit/marked_blocks.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/expand.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe {
namespace docs_command {

struct Options {
  MatrixOption matrix;
  std::vector<std::string> files;
  bool check = false;
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("file", options.files, "documents with marked blocks", ValueKind::file);
  options.matrix.declare(set);
  set.flag("--check", options.check, "change nothing; exit 1 where a block is out of date");
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
}

int run(const Options& options, Terminal& terminal) {
  const std::vector<Variant> variants = expand(options.matrix.load());
  const bool writes = !options.check && !options.dry_run;
  bool drift = false;
  for (const std::string& file : options.files) {
    const std::string old = read_file(file);
    const FilledDocument filled = fill_blocks(old, file, variants);
    if (filled.blocks == 0)
      throw Error(
          {.what = "has no marked block", .where = {.file = file}, .next = "see torchlathe help docs"});
    for (const std::size_t line : filled.drifted)
      terminal.print("{}:{}: {}\n", file, line, writes ? "updated" : "out of date");
    if (filled.drifted.empty())
      terminal.print("{}: {} block{} as the matrix has {}\n", file, filled.blocks,
                     filled.blocks == 1 ? "" : "s", filled.blocks == 1 ? "it" : "them");
    if (writes && filled.text != old) write_file_atomically(file, filled.text);
    drift |= !filled.drifted.empty();
  }
  return options.check && drift ? 1 : 0;
}

}  // namespace docs_command

std::unique_ptr<BoundCommand> command_docs() {
  return bind_command(docs_command::declare, docs_command::run);
}

}  // namespace lathe
