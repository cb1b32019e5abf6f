// SPDX-License-Identifier: MIT
// `torchlathe import`: a folder of recipes, read back into a matrix file.
#include "audit/import/import.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "os/terminal.h"
#include "recipe/extra_files.h"

namespace lathe {
namespace import_command {

namespace fs = std::filesystem;

struct Options {
  std::string folder;
  std::string out;
  std::string name = "imported";
  std::string format = "text";
  bool force = false;
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positional("folder", options.folder, "folder of recipes", ValueKind::folder);
  set.text("-o,--output", options.out, "FILE", "matrix file to write; without it the matrix is printed",
           ValueKind::file);
  set.formerly("--out");
  set.text("--name", options.name, "NAME", "the matrix' own name [imported]");
  set.flag("--force", options.force, "overwrite an existing file");
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
  set.choice("-f,--format", options.format, {"text", "json"},
             "how to print what could not be explained [text]");
}

Findings findings_of(const Imported& imported) {
  Findings findings;
  for (const Unexplained& each : imported.unexplained)
    findings.add({.rule = "not-explained", .where = {.file = each.file}, .what = each.why});
  for (const Unexplained& each : imported.left_alone)
    findings.add(
        {.rule = "left-alone", .severity = Severity::note, .where = {.file = each.file}, .what = each.why});
  return findings;
}

void print_json(const Imported& imported, Terminal& terminal) {
  JsonWriter json;
  begin_report(json)
      .member("matrix", imported.matrix)
      .member("explained", imported.explained)
      .member("blocks", imported.blocks);
  write_findings(json, "findings", findings_of(imported));
  terminal.out(json.end_object().take());
}

int run(const Options& options, Terminal& terminal) {
  if (!why_not_a_package_name(options.name).empty())
    throw Error({.what = fmt::format("\"{}\" is not a name for a matrix: {}", printable(options.name),
                                     why_not_a_package_name(options.name)),
                 .where = {},
                 .next = {}});
  if (!options.out.empty() && fs::exists(fs::symlink_status(options.out)) && !options.force) {
    throw Error({.what = "is there already",
                 .where = {.file = options.out},
                 .next = "choose another file, or use --force"});
  }
  const Imported imported = import_folder(options.folder, options.name);
  if (imported.explained == 0)
    throw Error({.what = "import could not explain any recipe here",
                 .where = {.file = options.folder},
                 .next = imported.unexplained.empty()
                             ? ""
                             : fmt::format("{}: {}", imported.unexplained.front().file,
                                           imported.unexplained.front().why)});
  std::vector<std::string> copied;
  if (!options.out.empty() && !options.dry_run) {
    write_file_atomically(options.out, imported.matrix);
    copied = copy_extra_files(parse_matrix(imported.matrix, options.out), options.folder,
                              fs::path(options.out).parent_path());
  }
  if (options.format == "json") {
    print_json(imported, terminal);
  } else if (options.out.empty()) {
    terminal.data(imported.matrix);
  } else {
    terminal.print("{}: {}{} recipes in {} blocks\n", options.out, options.dry_run ? "would hold " : "",
                   imported.explained, imported.blocks);
    for (const std::string& file : copied)
      terminal.print("copied: {}: the matrix names it\n", printable(file));
    for (const Unexplained& each : imported.left_alone)
      terminal.print("left alone: {}: {}\n", printable(each.file), printable(each.why));
    for (const Unexplained& each : imported.unexplained)
      terminal.print("not explained: {}: {}\n", printable(each.file), printable(each.why));
  }
  return imported.unexplained.empty() ? 0 : 1;
}

}  // namespace import_command

std::unique_ptr<BoundCommand> command_import() {
  return bind_command(import_command::declare, import_command::run);
}

}  // namespace lathe
