// SPDX-License-Identifier: MIT
// `torchlathe report`: one page, that a browser shows without a server, about a matrix and what became of it.
#include "page/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/safe_format.h"
#include "cli/commands.h"
#include "cli/options/options.h"
#include "cli/parts/inspect_files.h"
#include "cli/parts/page_content.h"
#include "inspect/inspect.h"
#include "os/file.h"
#include "os/terminal.h"
#include "package/kinds.h"
#include "package/package.h"
#include "page/contents_part.h"
#include "shrink/distributions.h"

namespace lathe {
namespace report_command {

struct Options {
  PageOptions page;
  std::vector<std::string> paths;
  std::string output = "report.html";
  bool history = false, dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("path", options.paths, "files, folders, wheels: what they hold, side by side",
                  ValueKind::file, false);
  options.page.matrix.declare(set);
  options.page.declare(set);
  set.flag("--history", options.history, "how the last build of each variant ended, and what all cost");
  set.text("-o,--output", options.output, "FILE", "where the page goes [report.html]", ValueKind::file);
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
}

// The installed package of each file, where RECORDs tell it.
std::vector<std::string> packages_of(const std::string& path, const Inspection& inspection) {
  PathLook look(path);
  if (!look.is_folder()) return {};
  const PackageKind* kind = package_kind(look);
  if (!kind) return {};
  const auto folder = kind->open(std::move(look));
  const Distributions distributions(*folder);
  if (distributions.all().empty()) return {};
  std::vector<std::string> packages;
  for (const FileInspection& file : inspection.files) {
    const std::filesystem::path inside = std::filesystem::path(file.path).lexically_relative(path);
    const auto owner = distributions.owner(inside.generic_string());
    const Distribution none;
    const Distribution& found = owner ? distributions.all()[*owner] : none;
    packages.push_back(found.name + (found.version.empty() ? "" : " " + found.version));
  }
  return packages;
}

std::vector<PathContents> contents_of(const Options& options, Terminal& terminal) {
  std::vector<PathContents> all;
  for (const std::string& path : options.paths) {
    PathContents contents{.path = path, .inspection = inspect_files({path}, {}, terminal)};
    contents.packages = packages_of(path, contents.inspection);
    all.push_back(std::move(contents));
  }
  return all;
}

// A page about files alone needs no matrix.
bool wants_matrix(const Options& options) {
  return options.page.matrix.is_there() || options.paths.empty() || !options.page.recipes.empty() ||
         options.history || !options.page.machines.empty();
}

void add_builds(const Options& options, PageContent& content) {
  if (!has_history(options.page.state)) {
    throw Error({.what = "nothing was built here yet",
                 .where = {.file = options.page.state},
                 .next = "torchlathe build, or give the folder: --state"});
  }
  content.builds = builds_content(options.page.state, content.matrix->variants);
}

int run(const Options& options, Terminal& terminal) {
  PageContent content{.title = "What these files hold"};
  if (wants_matrix(options)) content = matrix_content(options.page, terminal);
  if (options.history) add_builds(options, content);
  content.contents = contents_of(options, terminal);
  const std::string page = report_page(content);
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
