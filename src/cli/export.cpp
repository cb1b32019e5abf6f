// SPDX-License-Identifier: MIT
// `torchlathe export`: a folder of wheels as an index of slim ones, in files that any web server sends.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/finding_json.h"
#include "base/json.h"
#include "base/json_report.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options/carving.h"
#include "cli/options/options.h"
#include "matrix/axis_table.h"
#include "os/terminal.h"
#include "report/table.h"
#include "simple/export_site.h"
#include "simple/root.h"

namespace lathe {
namespace export_command {

struct Options {
  std::string wheels, gpu, output;
  std::string format = "text";
};

void declare(OptionSet& set, Options& options) {
  set.text("--wheels", options.wheels, "DIR", "the folder with the wheels", ValueKind::folder);
  set.text("-g,--gpu", options.gpu, "CC[,CC...]", "the GPUs, each with a root of its own: 8.6,9.0");
  set.values(known_gpus());
  set.text("-o,--output", options.output, "SITE", "a new folder, or that of an earlier export",
           ValueKind::folder);
  set.formerly("--out");
  set.choice("-f,--format", options.format, {"text", "json"}, "how to print [text]");
}

void check(const Options& options) {
  if (options.wheels.empty()) throw Error({.what = "which wheels?", .next = "say --wheels DIR"});
  if (options.gpu.empty()) throw Error({.what = "for which GPUs?", .next = "say --gpu 8.6,9.0"});
  if (options.output.empty()) throw Error({.what = "where to?", .next = "say --output SITE"});
}

void print_text(const Options& options, const Exported& done, Terminal& terminal) {
  Table table({"wheel", "GPU", "before", "after", "what"});
  for (const std::size_t column : {2u, 3u}) table.align_right(column);
  for (const ExportedWheel& wheel : done.wheels) {
    table.add({wheel.file, to_string(wheel.target), size_text(wheel.old_size), size_text(wheel.new_size),
               wheel.carved ? "carved" : "as it is: " + wheel.because});
  }
  if (!table.empty()) terminal.out(table.text(terminal) + "\n");
  for (const Finding& finding : done.left_out) {
    terminal.print("left out: {}: {}\n", finding.where.file, finding.what);
    terminal.print("  fix: {}\n", finding.fix);
  }
  terminal.print("{} project{}, {} files, {}; {} written, {} removed\n", done.projects,
                 done.projects == 1 ? "" : "s", done.files, size_text(done.size), done.written, done.removed);
  for (const std::string& root : done.roots) terminal.print("root: {}/{}\n", options.output, root);
}

void print_json(const Options& options, const Exported& done, Terminal& terminal) {
  JsonWriter json;
  begin_report(json).member("site", options.output).member("roots", done.roots);
  json.key("wheels").begin_array();
  for (const ExportedWheel& wheel : done.wheels) {
    json.begin_object().member("project", wheel.project).member("file", wheel.file);
    json.member("gpu", to_string(wheel.target)).member("carved", wheel.carved);
    json.member("because", wheel.because);
    json.member("size_before", wheel.old_size).member("size_after", wheel.new_size).end_object();
  }
  json.end_array();
  json.member("projects", done.projects).member("files", done.files).member("size", done.size);
  json.member("files_written", done.written).member("files_removed", done.removed);
  write_findings(json, "findings", done.left_out);
  json.end_object();
  terminal.out(json.take());
}

int run(const Options& options, Terminal& terminal) {
  check(options);
  ExportOptions how{.wheels = options.wheels, .site = options.output, .targets = carve_targets(options.gpu)};
  say_what_is_unknown(how.targets, terminal);
  Progress progress(terminal);
  how.progress = [&](std::string_view what, std::size_t done, std::size_t all) {
    progress.show(fmt::format("{} {}/{}", what, done, all));
  };
  const Exported done = export_site(how);
  progress.done();
  if (options.format == "json") print_json(options, done, terminal);
  else print_text(options, done, terminal);
  return done.left_out.empty() ? 0 : 1;
}

}  // namespace export_command

std::unique_ptr<BoundCommand> command_export() {
  return bind_command(export_command::declare, export_command::run);
}

}  // namespace lathe
