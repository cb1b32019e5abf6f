// SPDX-License-Identifier: MIT
#include "cli/parts/page_content.h"

#include <cstddef>

#include "audit/audit.h"
#include "cli/options/recipe_folder.h"
#include "cli/parts/fleet.h"
#include "cli/parts/last_builds.h"
#include "jobs/history/history.h"
#include "jobs/history/matrix_cost.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "os/terminal.h"
#include "page/fleet_part.h"
#include "select/candidate.h"
#include "select/select.h"

namespace lathe {
namespace {

constexpr std::size_t most_builds = 1'000'000;

std::vector<FleetMachine> fleet_of(const PageOptions& options, const MatrixSpec& spec) {
  std::vector<FleetMachine> fleet;
  if (options.machines.empty()) return fleet;
  std::vector<Candidate> candidates;
  add_candidates(candidates, spec, options.matrix.file());
  for (const NamedHost& machine : read_fleet(options.machines))
    fleet.push_back({machine.name, select_variant(machine.host, candidates)});
  return fleet;
}

std::filesystem::path history_file(const std::filesystem::path& state) { return state / "history.db"; }

}  // namespace

void PageOptions::declare(OptionSet& set) {
  set.text("--recipes", recipes, "DIR", "a folder of recipes: what audit says of each", ValueKind::folder);
  set.text("--state", state, "DIR", "folder of the history [.torchlathe]", ValueKind::folder);
  set.texts("--machines", machines, "PATH",
            "recorded machines, a file or a folder of them: which variant serves each", ValueKind::file);
}

PageContent matrix_content(const PageOptions& options, Terminal& terminal) {
  const MatrixSpec spec = options.matrix.load(terminal);
  PageContent content{.title = spec.name + ": PyTorch builds", .description = spec.description};
  content.matrix = PageMatrix{.argument = options.matrix.path, .variants = expand(spec)};
  if (!options.recipes.empty()) {
    check_recipe_folder(options.recipes);
    content.recipes = audit_folder(options.recipes, spec);
  }
  content.fleet = fleet_of(options, spec);
  return content;
}

bool has_history(const std::filesystem::path& state) { return std::filesystem::exists(history_file(state)); }

BuildsPart builds_content(const std::filesystem::path& state, const std::vector<Variant>& variants) {
  if (!has_history(state)) return {.builds = {}, .cost = matrix_cost(variants, {})};
  History history(history_file(state));
  history.mark_lost();
  const std::vector<BuildRecord> records = history.builds("", most_builds);
  return {.builds = last_builds(records, state), .cost = matrix_cost(variants, records)};
}

}  // namespace lathe
