// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/wrap.h"

namespace lathe {
namespace {

// A spreadsheet takes what begins with one of these for a formula, also one that starts programs; an
// apostrophe before it says that it is text. A lone "-" stands for "none" in our tables and is no formula.
std::string as_text(const std::string& cell) {
  return cell.find_first_of("=+-@") == 0 && cell != "-" ? "'" + cell : cell;
}

std::string csv_cell(const std::string& cell) {
  const std::string text = as_text(cell);
  if (text.find_first_of(",\"") == std::string::npos) return text;
  return "\"" + replace_all(text, "\"", "\"\"") + "\"";
}

// Neither the end of the cell nor HTML.
std::string markdown_cell(const std::string& cell) {
  return replace_all(replace_all(cell, "<", "&lt;"), "|", "\\|");
}

std::vector<std::string> all_printable(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  return cells;
}

}  // namespace

Table::Table(std::vector<std::string> heads)
    : heads_(all_printable(std::move(heads))), widths_(heads_.size()) {
  widen(heads_);
}

void Table::widen(const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], display_width(cells[i]));
}

void Table::measure(const std::vector<std::string>& row) { widen(all_printable(row)); }

void Table::add(std::vector<std::string> row, Style style) {
  rows_.push_back({all_printable(std::move(row)), style});
  widen(rows_.back().cells);
}

bool Table::is_right(std::size_t column) const { return std::ranges::find(right_, column) != right_.end(); }

// A line of these cells, under the heads.
std::string Table::aligned(const std::vector<std::string>& cells) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t width = display_width(cells[i]);
    const std::string padding(widths_[i] - std::min(widths_[i], width), ' ');
    if (i > 0) text += "  ";
    const bool right = is_right(i), last = i + 1 == cells.size();
    if (right) text += padding;
    text += cells[i];
    if (!right && !last) text += padding;
  }
  return text;
}

std::string Table::text_line(const std::vector<std::string>& row, Style style,
                             const Terminal& terminal) const {
  constexpr std::size_t indent = 4;
  std::vector<std::string> cells = all_printable(row);
  const std::string line = aligned(cells);
  if (terminal.fold() == 0 || cells.size() < 2 || display_width(line) <= terminal.fold())
    return terminal.styled(style, line) + "\n";
  const std::string last = cells.back();
  cells.pop_back();
  std::string text = terminal.styled(style, aligned(cells)) + "\n";
  const std::string below = std::string(indent, ' ') + wrapped(last, indent, terminal.fold());
  for (const std::string_view part : split(below, '\n')) text += terminal.styled(style, part) + "\n";
  return text;
}

std::string Table::csv_line(const std::vector<std::string>& row) {
  std::vector<std::string> cells = all_printable(row);
  for (std::string& cell : cells) cell = csv_cell(cell);
  return fmt::format("{}", fmt::join(cells, ",")) + "\r\n";
}

std::string Table::markdown_line(const std::vector<std::string>& row) {
  std::string text = "|";
  for (const std::string& cell : all_printable(row)) text += " " + markdown_cell(cell) + " |";
  return text + "\n";
}

std::string Table::text_head(const Terminal& terminal) const {
  return text_line(heads_, Style::bold, terminal);
}
std::string Table::csv_head() const { return csv_line(heads_); }
std::string Table::markdown_head() const {
  std::string text = markdown_line(heads_) + "|";
  for (std::size_t i = 0; i < heads_.size(); ++i) text += is_right(i) ? " ---: |" : " --- |";
  return text + "\n";
}

std::string Table::text(const Terminal& terminal) const {
  std::string text = text_head(terminal);
  for (const Row& row : rows_) text += text_line(row.cells, row.style, terminal);
  return text;
}

std::string Table::csv() const {
  std::string text = csv_head();
  for (const Row& row : rows_) text += csv_line(row.cells);
  return text;
}

std::string Table::markdown() const {
  std::string text = markdown_head();
  for (const Row& row : rows_) text += markdown_line(row.cells);
  return text;
}

}  // namespace lathe
