// SPDX-License-Identifier: MIT
// `torchlathe init`: a commented matrix file to start from.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "matrix/shipped/shipped.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe::shipped {
std::span<const EmbeddedFile> starters();
}  // namespace lathe::shipped

namespace lathe {
namespace init_command {

struct Options {
  std::string path = "matrix.toml";
  std::string matrix;
  bool dry_run = false;
  bool force = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("file", options.path, "file to write; - for standard output [matrix.toml]", ValueKind::file,
                 false);
  set.text("-m,--matrix", options.matrix, "NAME", "start from a shipped matrix");
  set.values(shipped_matrices());
  set.formerly("--from");
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
  set.flag("--force", options.force, "overwrite an existing file");
}

std::string_view text_to_write(const std::string& from) {
  if (from.empty()) return shipped::starters().front().text;
  for (const EmbeddedFile& file : shipped::matrices()) {
    if (file.name == from + ".toml") return file.text;
  }
  throw Error({.what = fmt::format("there is no shipped matrix \"{}\"", printable(from)),
               .where = {},
               .next = did_you_mean_text(from, shipped_matrices())});
}

int run(const Options& options, Terminal& terminal) {
  const std::string_view text = text_to_write(options.matrix);
  if (options.path == "-") {
    terminal.out(text);
    return 0;
  }
  if (!options.force && std::filesystem::exists(std::filesystem::symlink_status(options.path))) {
    throw Error({.what = "already exists; nothing was written",
                 .where = {.file = options.path},
                 .next = "name another file, or use --force to overwrite it"});
  }
  if (options.dry_run) {
    terminal.print("{} would be written, {} bytes\n", options.path, text.size());
    return 0;
  }
  write_file_atomically(options.path, text);
  terminal.print("{} written; list its variants with: torchlathe list -m {}\n", options.path, options.path);
  return 0;
}

}  // namespace init_command

std::unique_ptr<BoundCommand> command_init() {
  return bind_command(init_command::declare, init_command::run);
}

}  // namespace lathe
