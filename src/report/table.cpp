// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "base/wrap.h"

namespace lathe {
namespace {

// A spreadsheet takes what begins with one of these for a formula, also one that starts programs; an
// apostrophe before it says that it is text. A lone "-" stands for "none" in our tables and is not a formula.
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

namespace {

constexpr std::size_t gap = 2, indent = 4;

std::vector<std::size_t> first_numbers(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  return numbers;
}

}  // namespace

std::size_t Table::width() const {
  return std::accumulate(widths_.begin(), widths_.end(), gap * (widths_.size() - 1));
}

// Words may go on below a row; a number in the last column stands in its line as any other cell.
bool Table::last_is_words() const { return !is_right(widths_.size() - 1); }

// Of the cells that stand in a row's line; words in the last column are not among them, for they go below one
// by one.
std::size_t Table::width_of(const Layout& layout) const {
  std::size_t width = layout.stacked ? indent - gap : 0;
  for (const std::size_t column : layout.line) {
    const bool words = column + 1 == widths_.size() && last_is_words();
    if (!words && !(layout.stacked && column == 0)) width += widths_[column] + (width > 0 ? gap : 0);
  }
  return width;
}

// First what is said twice goes, then what is wide; a name that leaves no room gets a line for itself.
Table::Layout Table::layout(std::size_t columns) const {
  Layout layout{.line = first_numbers(widths_.size()), .below = {}};
  if (columns == 0 || widths_.size() < 2) return layout;
  const auto too_wide = [&] { return width_of(layout) > columns; };
  const auto widest_below = [&](std::size_t at_least) {
    const auto candidate = std::ranges::max_element(layout.line.begin() + 1, layout.line.end() - 1, {},
                                                    [&](std::size_t i) { return widths_[i]; });
    if (layout.line.size() < 3 || widths_[*candidate] < at_least) return false;
    layout.below.push_back(*candidate);
    layout.line.erase(candidate);
    return true;
  };
  for (const std::size_t column : spare_) {
    if (too_wide()) std::erase(layout.line, column);
  }
  while (too_wide() && widest_below(columns / 3)) {
  }
  layout.stacked = too_wide() && layout.line.size() > 2;
  while (too_wide() && widest_below(0)) {
  }
  std::ranges::sort(layout.below);
  return layout;
}

// A line of these columns' cells, under the heads.
std::string Table::aligned(const std::vector<std::string>& cells,
                           const std::vector<std::size_t>& columns) const {
  std::string text;
  for (const std::size_t i : columns) {
    const std::size_t width = display_width(cells[i]);
    const std::string padding(widths_[i] - std::min(widths_[i], width), ' ');
    if (i != columns.front()) text += std::string(gap, ' ');
    const bool right = is_right(i), last = i == columns.back();
    if (right) text += padding;
    text += cells[i];
    if (!right && !last) text += padding;
  }
  return text;
}

std::string Table::cell_below(const std::vector<std::string>& cells, std::size_t column, bool labelled,
                              std::size_t columns) const {
  if (cells[column].empty() || cells[column] == "-") return "";
  const std::string label = labelled && !heads_[column].empty() ? heads_[column] + ": " : "";
  return "\n" + std::string(indent, ' ') + wrapped(label + cells[column], indent, columns);
}

std::string Table::fitted(const std::vector<std::string>& cells, const Layout& layout, bool head,
                          std::size_t columns) const {
  std::vector<std::size_t> line = layout.line;
  std::string text;
  if (layout.stacked) {
    text = cells.front() + "\n" + std::string(indent, ' ');
    line.erase(line.begin());
  }
  const std::size_t taken = layout.stacked ? indent : 0;
  const bool whole = columns == 0 || line.size() < 2 || !last_is_words();
  if (whole || taken + display_width(aligned(cells, line)) <= columns) {
    text += aligned(cells, line);
    line.clear();
  } else {
    line.pop_back();
    text += aligned(cells, line);
  }
  const bool labelled = !layout.below.empty();
  if (!head) {
    for (const std::size_t column : layout.below) text += cell_below(cells, column, true, columns);
  }
  if (!line.empty() && !(head && labelled)) text += cell_below(cells, layout.line.back(), labelled, columns);
  return text;
}

std::string Table::Lines::styled(const std::vector<std::string>& printable_cells, Style style,
                                 bool head) const {
  const std::string lines = table_.fitted(printable_cells, layout_, head, terminal_.fold());
  std::string text;
  for (const std::string_view part : split(lines, '\n')) text += terminal_.styled(style, part) + "\n";
  return text;
}

std::string Table::Lines::row(std::vector<std::string> cells, Style style) const {
  return styled(all_printable(std::move(cells)), style, false);
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

std::string Table::csv_head() const { return csv_line(heads_); }
std::string Table::markdown_head() const {
  std::string text = markdown_line(heads_) + "|";
  for (std::size_t i = 0; i < heads_.size(); ++i) text += is_right(i) ? " ---: |" : " --- |";
  return text + "\n";
}

std::string Table::text(const Terminal& terminal) const {
  const Lines lines = this->lines(terminal);
  std::string text = lines.head();
  for (const Row& row : rows_) text += lines.styled(row.cells, row.style, false);
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
