// SPDX-License-Identifier: MIT
// `torchlathe report`: one page, that a browser shows without a server, about a matrix and what became of it.
#include "page/report.h"

#include <memory>
#include <string>

#include "base/error.h"
#include "base/safe_format.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "os/file.h"
#include "os/terminal.h"
#include "page/matrix_part.h"

namespace lathe {
namespace report_command {

struct Options {
  MatrixOption matrix;
  std::string output = "report.html";
  bool dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  options.matrix.declare(set);
  set.text("-o,--output", options.output, "FILE", "where the page goes [report.html]", ValueKind::file);
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
}

PageContent report_of(const Options& options, Terminal& terminal) {
  const MatrixSpec spec = options.matrix.load(terminal);
  PageContent report{.title = spec.name + ": PyTorch builds", .description = spec.description};
  report.matrix = MatrixPart{.argument = options.matrix.path, .variants = expand(spec), .notes = {}};
  return report;
}

int run(const Options& options, Terminal& terminal) {
  const std::string page = report_page(report_of(options, terminal));
  if (!options.dry_run) write_file_atomically(options.output, page);
  terminal.say(Tone::note, safe_format("torchlathe: {} {}\n", options.output,
                                       options.dry_run ? "would be written" : "written"));
  return 0;
}

}  // namespace report_command

std::unique_ptr<BoundCommand> command_report() {
  return bind_command(report_command::declare, report_command::run);
}

}  // namespace lathe
