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

#include "audit/audit.h"
#include "base/error.h"
#include "base/safe_format.h"
#include "cli/commands.h"
#include "cli/options/matrix_option.h"
#include "cli/options/options.h"
#include "cli/options/recipe_folder.h"
#include "cli/parts/fleet.h"
#include "cli/parts/inspect_files.h"
#include "cli/parts/last_builds.h"
#include "inspect/inspect.h"
#include "jobs/history/history.h"
#include "jobs/history/matrix_cost.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "os/file.h"
#include "os/terminal.h"
#include "package/kinds.h"
#include "package/package.h"
#include "page/builds_part.h"
#include "page/fleet_part.h"
#include "select/candidate.h"
#include "select/select.h"
#include "shrink/distributions.h"

namespace lathe {
namespace report_command {

struct Options {
  MatrixOption matrix;
  std::vector<std::string> paths, machines;
  std::string recipes, state = ".torchlathe", output = "report.html";
  bool history = false, dry_run = false;
};

void declare(OptionSet& set, Options& options) {
  set.positionals("path", options.paths, "files, folders, wheels: what they hold, side by side",
                  ValueKind::file, false);
  options.matrix.declare(set);
  set.text("--recipes", options.recipes, "DIR", "a folder of recipes: what audit says of each",
           ValueKind::folder);
  set.flag("--history", options.history, "how the last build of each variant ended, and what all cost");
  set.text("--state", options.state, "DIR", "folder of the history [.torchlathe]", ValueKind::folder);
  set.texts("--machines", options.machines, "PATH",
            "recorded machines, a file or a folder of them: which variant serves each", ValueKind::file);
  set.text("-o,--output", options.output, "FILE", "where the page goes [report.html]", ValueKind::file);
  set.flag("-n,--dry-run", options.dry_run, "say what would be written, write nothing");
}

constexpr std::size_t most_builds = 1'000'000;

BuildsPart builds_of(const Options& options, const std::vector<Variant>& variants) {
  const std::filesystem::path file = std::filesystem::path(options.state) / "history.db";
  if (!std::filesystem::exists(file)) {
    throw Error({.what = "nothing was built here yet",
                 .where = {.file = options.state},
                 .next = "torchlathe build, or give the folder: --state"});
  }
  History history(file);
  history.mark_lost();
  const std::vector<BuildRecord> records = history.builds("", most_builds);
  return {.builds = last_builds(records, options.state), .cost = matrix_cost(variants, records)};
}

std::vector<FleetMachine> fleet_of(const Options& options, const MatrixSpec& spec) {
  std::vector<FleetMachine> fleet;
  if (options.machines.empty()) return fleet;
  std::vector<Candidate> candidates;
  add_candidates(candidates, spec, options.matrix.file());
  for (const NamedHost& machine : read_fleet(options.machines))
    fleet.push_back({machine.name, select_variant(machine.host, candidates)});
  return fleet;
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

std::vector<Contents> contents_of(const Options& options, Terminal& terminal) {
  std::vector<Contents> all;
  for (const std::string& path : options.paths) {
    Contents contents{.path = path, .inspection = inspect_files({path}, {}, terminal)};
    contents.packages = packages_of(path, contents.inspection);
    all.push_back(std::move(contents));
  }
  return all;
}

// A page about files alone needs no matrix.
bool wants_matrix(const Options& options) {
  return options.matrix.is_there() || options.paths.empty() || !options.recipes.empty() || options.history ||
         !options.machines.empty();
}

void add_matrix(const Options& options, PageContent& content, Terminal& terminal) {
  const MatrixSpec spec = options.matrix.load(terminal);
  content.title = spec.name + ": PyTorch builds";
  content.description = spec.description;
  content.matrix = PageMatrix{.argument = options.matrix.path, .variants = expand(spec)};
  if (!options.recipes.empty()) {
    check_recipe_folder(options.recipes);
    content.recipes = audit_folder(options.recipes, spec);
  }
  if (options.history) content.builds = builds_of(options, content.matrix->variants);
  content.fleet = fleet_of(options, spec);
}

int run(const Options& options, Terminal& terminal) {
  PageContent content{.title = "What these files hold"};
  if (wants_matrix(options)) add_matrix(options, content, terminal);
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
