// SPDX-License-Identifier: MIT
#include "report/variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_report.h"
#include "hardware/compat.h"
#include "matrix/axis_table.h"
#include "matrix/variant.h"
#include "report/table.h"
#include "select/variant_record.h"

namespace lathe {
namespace {

class JsonPrinter : public VariantPrinter {
 public:
  explicit JsonPrinter(Terminal& terminal) : terminal_(terminal) {}

  void add(const Variant& variant) override {
    terminal_.out(count_++ ? ",\n    " : head() + "[\n    ");
    records_.write(variant, [&](std::string_view piece) { terminal_.out(piece); });
  }
  void finish() override { terminal_.out(count_ ? "\n  ]\n}\n" : head() + "[]\n}\n"); }

 private:
  static std::string head() {
    return safe_format("{{\n  \"schema_version\": {},\n  \"variants\": ", json_schema_version);
  }

  Terminal& terminal_;
  std::size_t count_ = 0;
  VariantRecords records_;
};

// {"include": [...]}: what `strategy.matrix` of a workflow takes. Impossible ones are left out: they can't
// be built.
class GithubPrinter : public VariantPrinter {
 public:
  explicit GithubPrinter(Terminal& terminal)
      : terminal_(terminal),
        json_(JsonWriter::Layout::compact, [this](std::string_view part) { terminal_.out(part); }) {
    json_.begin_object().key("include").begin_array();
  }
  void add(const Variant& variant) override {
    if (variant.cell->status == PairStatus::impossible) return;
    json_.begin_object()
        .member("variant", variant.name)
        .member("system", system_of(variant.cell->isa->machine))
        .member("runner",
                variant.cell->isa->machine == Machine::x86_64 ? "ubuntu-latest" : "ubuntu-24.04-arm")
        .member("gpu", gpu_of(variant))
        .member("isa", variant.cell->isa->name);
    for_each_word(*variant.cell,
                  [&](const Axis& axis, const std::string& word) { json_.member(axis.word, word); });
    json_.end_object();
  }
  void finish() override { terminal_.out(json_.end_array().end_object().take()); }

 private:
  Terminal& terminal_;
  JsonWriter json_;
};

// A Hydra jobset's expression: an attribute for each variant, built from its recipe. Impossible ones are
// left out.
class HydraPrinter : public VariantPrinter {
 public:
  explicit HydraPrinter(Terminal& terminal) : terminal_(terminal) {
    terminal_.out(
        "# Made by torchlathe list --format hydra: change the matrix, then make it again.\n"
        "# `recipes`: the folder that torchlathe generate wrote. `nixpkgs`: another package set than the one "
        "that each recipe pins.\n"
        "{ recipes ? ./., nixpkgs ? null }:\n"
        "let\n"
        "  build = file: import (recipes + \"/${file}\") (if nixpkgs == null then { } else { inherit "
        "nixpkgs; });\n"
        "in\n{\n");
  }
  void add(const Variant& variant) override {
    if (variant.cell->status == PairStatus::impossible) return;
    terminal_.print("  {0} = build \"{0}.nix\";\n", variant.name);
  }
  void finish() override { terminal_.out("}\n"); }

 private:
  Terminal& terminal_;
};

Style style_of(PairStatus status) {
  if (status == PairStatus::impossible) return Style::red;
  return status == PairStatus::redundant ? Style::yellow : Style::plain;
}

class TablePrinter : public VariantPrinter {
 public:
  TablePrinter(std::string_view format, Terminal& terminal, const MatrixSpec& spec)
      : csv_(format == "csv"),
        text_(format == "text"),
        terminal_(terminal),
        columns_(columns_of(spec)),
        table_(head_of(columns_)) {
    for (const std::string_view word : {"python", "cuda", "isa", "gpu"}) spare(word);  // the name has them
    if (csv_) terminal_.out(table_.csv_head());
    else if (!text_) terminal_.out(table_.markdown_head());
  }

  bool measures() const override { return text_; }
  void measure(const Variant& variant) override { table_.measure(row_of(variant)); }

  void add(const Variant& variant) override {
    const PairStatus status = variant.cell->status;
    if (text_ && !lines_) terminal_.out(lines_.emplace(table_.lines(terminal_)).head());
    ++count_[static_cast<std::size_t>(status)];
    terminal_.out(line_of(row_of(variant), status));
  }

  void finish() override {
    if (text_)
      terminal_.print("{} variants: {} valid, {} redundant, {} impossible\n", sum(), count_[0], count_[1],
                      count_[2]);
  }

 private:
  std::string line_of(std::vector<std::string> row, PairStatus status) const {
    if (csv_) return Table::csv_line(row);
    return text_ ? lines_->row(std::move(row), style_of(status)) : Table::markdown_line(row);
  }
  std::vector<std::string> row_of(const Variant& variant) const {
    const Cell& cell = *variant.cell;
    std::vector<std::string> row = {variant.name};
    for (const Axis* axis : columns_) row.push_back(axis->shown(*axis, variant).value_or("-"));
    row.push_back(cell.min_driver ? cell.min_driver->text() : "-");
    row.emplace_back(to_string(cell.status));
    row.push_back(cell.reason);
    return row;
  }
  static std::vector<const Axis*> columns_of(const MatrixSpec& spec) {
    std::vector<const Axis*> columns;
    for (const Axis* axis : axes_by_column()) {
      if (!axis->may_be_off() || uses(spec, *axis)) columns.push_back(axis);
    }
    return columns;
  }
  static std::vector<std::string> head_of(const std::vector<const Axis*>& columns) {
    std::vector<std::string> head = {"variant"};
    for (const Axis* axis : columns) head.emplace_back(axis->word);
    head.insert(head.end(), {"driver", "status", "why"});
    return head;
  }
  void spare(std::string_view word) {
    const auto column = std::ranges::find(columns_, word, &Axis::word);
    if (column != columns_.end()) table_.spare(1 + static_cast<std::size_t>(column - columns_.begin()));
  }
  std::size_t sum() const { return count_[0] + count_[1] + count_[2]; }

  bool csv_, text_;
  Terminal& terminal_;
  std::vector<const Axis*> columns_;
  Table table_;
  std::optional<Table::Lines> lines_ = {};  // once all rows are measured
  std::array<std::size_t, 3> count_{};
};

}  // namespace

std::unique_ptr<VariantPrinter> make_variant_printer(std::string_view format, Terminal& terminal,
                                                     const MatrixSpec& spec) {
  if (format == "json") return std::make_unique<JsonPrinter>(terminal);
  if (format == "github") return std::make_unique<GithubPrinter>(terminal);
  if (format == "hydra") return std::make_unique<HydraPrinter>(terminal);
  return std::make_unique<TablePrinter>(format, terminal, spec);
}

}  // namespace lathe
