// SPDX-License-Identifier: MIT
#include "page/matrix_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "nix/shell_word.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "matrix/axis_table.h"
#include "page/frame.h"
#include "page/state.h"

namespace lathe {
namespace {

constexpr std::size_t products_in_row = 3;  // the others stand behind the tiles

// What one tile stands for: variants that differ in Python and package alone.
struct Group {
  std::string place = {};
  std::vector<const Variant*> variants = {};
  const State* state = nullptr;

  const Variant& first() const { return *variants.front(); }
  const Cell& cell() const { return *first().cell; }
};

std::string gpus_of(const Cell& cell) {
  std::vector<std::string> names;
  for (const Capability gpu : cell.gpus) names.push_back(spell(gpu, Dialect::dotted));
  return fmt::format("{}", fmt::join(names, " "));
}

std::string axis_words(const Cell& cell) {
  std::string words;
  for_each_word(cell, [&](const Axis&, const std::string& word) { words += " " + word; });
  return words;
}

const State& state_of(const Variant& variant, const VariantNotes& notes) {
  const auto note = notes.find(variant.name);
  if (note != notes.end() && !note->second.state.empty()) return state_named(note->second.state);
  return state_named(to_string(variant.cell->status));
}

// The worst of them; "built" only where all are.
const State& state_of(const Group& group, const VariantNotes& notes) {
  const State* worst = &state_named("built");
  bool some_built = false;
  for (const Variant* variant : group.variants) {
    const State& state = state_of(*variant, notes);
    some_built = some_built || state.word == "built";
    worst = std::min(worst, &state);  // both of the one table
  }
  const State& partly = state_named("partly");
  return some_built && worst->word != "built" ? *std::min(worst, &partly) : *worst;
}

std::vector<Group> groups_of(const MatrixPart& part) {
  std::vector<Group> groups;
  std::unordered_map<std::string, std::size_t> places;
  for (const Variant& variant : part.variants) {
    const auto [at, is_new] = places.emplace(place_of(variant), groups.size());
    if (is_new) groups.push_back({.place = at->first});
    groups[at->second].variants.push_back(&variant);
  }
  for (Group& group : groups) group.state = &state_of(group, part.notes);
  return groups;
}

std::string tile_text(const Cell& cell) { return (cell.cuda ? cell.cuda->text() : "CPU") + axis_words(cell); }

std::string title_of(const Cell& cell) {
  return fmt::format("{}, {}, {}{}", cell.gpus.empty() ? "CPU only" : "GPU " + gpus_of(cell), cell.isa->name,
                     cell.cuda ? "CUDA " + cell.cuda->text() : "no CUDA", axis_words(cell));
}

void write_legend(Html& html, const MatrixPart& part) {
  html.open("ul", {{"class", "legend"}, {"aria-label", "States"}}).line();
  for (const State& state : states()) {
    const auto count = std::ranges::count_if(
        part.variants, [&](const Variant& variant) { return &state_of(variant, part.notes) == &state; });
    if (count == 0) continue;
    html.open("li");
    write_state(html, state);
    html.text(fmt::format(" {}: {}", count, state.meaning)).close().line();
  }
  html.close().line();
}

// The rows and columns of one table, in its order.
struct Grid {
  std::vector<const Cell*> rows;     // of each set of GPUs one cell; CPU builds last
  std::vector<const Isa*> columns;   // x86-64 first, the least first
  std::vector<const Group*> groups;  // by CUDA release

  explicit Grid(std::vector<const Group*> own) : groups(std::move(own)) {
    for (const Group* group : groups) {
      const Cell& cell = group->cell();
      if (std::ranges::find(rows, cell.gpus, &Cell::gpus) == rows.end()) rows.push_back(&cell);
      if (std::ranges::find(columns, cell.isa) == columns.end()) columns.push_back(cell.isa);
    }
    std::ranges::stable_sort(rows, [](const Cell* a, const Cell* b) {
      return std::pair(a->gpus.empty(), a->gpus) < std::pair(b->gpus.empty(), b->gpus);
    });
    std::ranges::stable_sort(columns, [](const Isa* a, const Isa* b) {
      return std::pair(a->machine, a->level) < std::pair(b->machine, b->level);
    });
    std::ranges::stable_sort(groups,
                             [](const Group* a, const Group* b) { return a->cell().cuda < b->cell().cuda; });
  }
};

// The products of its best served cell: a few of them.
std::string products_of(const Grid& grid, const Cell& row) {
  const std::vector<std::string>* most = &row.runs_on;
  for (const Group* group : grid.groups) {
    const Cell& cell = group->cell();
    if (cell.gpus == row.gpus && cell.runs_on.size() > most->size()) most = &cell.runs_on;
  }
  const auto end = most->begin() + static_cast<std::ptrdiff_t>(std::min(most->size(), products_in_row));
  return fmt::format("{}{}", fmt::join(most->begin(), end, ", "), end == most->end() ? "" : " …");
}

void write_tile(Html& html, const Group& group) {
  const std::string text = tile_text(group.cell());
  html.open("a",
            {{"href", "#" + group.place},
             {"class", fmt::format("state {}", group.state->word)},
             {"aria-label", fmt::format("{}: {}; {}", text, group.state->word, title_of(group.cell()))}});
  html.element("span", {{"aria-hidden", "true"}}, group.state->sign).text(text).close();
}

void write_row(Html& html, const Grid& grid, const Cell& row) {
  html.open("tr").open("th", {{"scope", "row"}});
  html.text(row.gpus.empty() ? "CPU only" : gpus_of(row));
  if (!row.gpus.empty()) html.element("small", products_of(grid, row));
  html.close().line();
  for (const Isa* isa : grid.columns) {
    html.open("td", {{"data-label", isa->name}});
    bool any = false;
    for (const Group* group : grid.groups) {
      if (group->cell().isa != isa || group->cell().gpus != row.gpus) continue;
      if (!any) html.open("div", {{"class", "tiles"}});
      any = true;
      write_tile(html, *group);
    }
    if (any) html.close();
    html.close().line();
  }
  html.close().line();
}

void write_grid(Html& html, const Grid& grid, const std::string& caption) {
  std::vector<std::string> heads = {"GPU"};
  for (const Isa* isa : grid.columns) heads.push_back(isa->name);
  begin_table(html, "grid", caption, heads);
  for (const Cell* row : grid.rows) write_row(html, grid, *row);
  end_table(html);
}

void write_fact(Html& html, std::string_view name, std::string_view text) {
  html.element("dt", name).element("dd", text).line();
}

void write_variant(Html& html, const Variant& variant, const Group& group, const VariantNotes& notes) {
  const State& state = state_of(variant, notes);
  html.open("li", {{"data-item", Html::bare},
                   {"data-python", variant.python},
                   {"data-package", variant.package},
                   {"data-status", std::string(state.word)}});
  html.element("code", variant.name);
  if (group.state != &state) {
    html.text(" ");
    write_state(html, state);
  }
  if (const auto note = notes.find(variant.name); note != notes.end()) {
    for (const std::string& words : note->second.words) html.text("; ").text(words);
  }
  html.close().line();
}

// A build of all PyTorch variants of the group; companions follow theirs.
std::string command_of(const Group& group, const MatrixPart& part) {
  std::string command = "torchlathe build";
  if (!part.argument.empty()) command += " -m " + shell_word(part.argument);
  for (const Variant* variant : group.variants) {
    if (!variant->companion) command += " " + shell_word(variant->name);
  }
  return command;
}

void write_group(Html& html, const Group& group, const MatrixPart& part) {
  const Cell& cell = group.cell();
  html.open("article", {{"class", "group"},
                        {"id", group.place},
                        {"data-gpu", gpus_of(cell)},
                        {"data-cpu", cell.isa->name},
                        {"data-cuda", cell.cuda ? cell.cuda->text() : ""},
                        {"data-pytorch", group.first().pytorch->version}});
  html.line().element("h3", title_of(cell)).line().open("p");
  write_state(html, *group.state);
  html.text(" ");
  if (group.state->word != to_string(cell.status))
    html.text(fmt::format("{}; {}: ", group.state->meaning, to_string(cell.status)));
  html.text(cell.reason).close().line();
  html.open("dl").line();
  write_fact(html, "Hardware",
             cell.runs_on.empty() ? "none that is known" : fmt::format("{}", fmt::join(cell.runs_on, ", ")));
  if (cell.min_driver) write_fact(html, "Driver", cell.min_driver->text() + " or newer");
  write_fact(html, "CPU code", fmt::format("{}: {}", cell.isa->name, cell.isa->title));
  write_fact(html, "PyTorch", group.first().pytorch->version);
  html.close().line().open("ul").line();
  for (const Variant* variant : group.variants) write_variant(html, *variant, group, part.notes);
  html.close().line();
  if (cell.status != PairStatus::impossible) html.element("pre", command_of(group, part)).line();
  html.close().line();
}

}  // namespace

std::string place_of(const Variant& variant) {
  const Cell& cell = *variant.cell;
  std::string place = fmt::format("at-{}-{}-{}-{}", variant.pytorch->version,
                                  cell.gpus.empty() ? "cpu" : cell.gpu_text, cell.isa->name, cell.cuda_text);
  for_each_word(cell, [&](const Axis&, const std::string& word) { place += "-" + word; });
  return place;
}

VariantPlaces places_of(const std::vector<Variant>& variants) {
  VariantPlaces places;
  for (const Variant& variant : variants) places.emplace(variant.name, place_of(variant));
  return places;
}

void write_matrix_part(Html& html, const MatrixPart& part) {
  const std::vector<Group> groups = groups_of(part);
  html.open("section", {{"id", "matrix"}, {"data-counted", "variants"}}).line();
  html.element("h2", "Matrix").line();
  html.element("p",
               "Each tile is a CUDA release; it opens the reason, the hardware, the driver and the command. "
               "Arrow keys go from tile to tile.");
  write_legend(html, part);
  std::vector<std::string> releases;
  for (const Group& group : groups) {
    if (std::ranges::find(releases, group.first().pytorch->version) == releases.end())
      releases.push_back(group.first().pytorch->version);
  }
  for (const std::string& release : releases) {
    std::vector<const Group*> own;
    for (const Group& group : groups) {
      if (group.first().pytorch->version == release) own.push_back(&group);
    }
    write_grid(html, Grid(std::move(own)), "PyTorch " + release);
  }
  html.open("details", {{"class", "list"}}).element("summary", "All variants as a list").line();
  for (const Group& group : groups) write_group(html, group, part);
  html.close().line().close().line();
}

}  // namespace lathe
