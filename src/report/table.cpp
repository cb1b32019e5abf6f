// SPDX-License-Identifier: MIT
#include "report/table.h"

#include <algorithm>

#include "base/text.h"

namespace lathe {
namespace {

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  return "\"" + replace_all(cell, "\"", "\"\"") + "\"";
}

}  // namespace

void Table::add(std::vector<std::string> row, Style style) { rows_.push_back({std::move(row), style}); }

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(heads_.size());
  const auto widen = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  };
  widen(heads_);
  for (const Row& row : rows_) widen(row.cells);
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - display_width(cells[i]), ' ');
    const bool right = std::ranges::find(right_, i) != right_.end();
    if (i > 0) text += "  ";
    text += right ? padding + cells[i] : i + 1 < cells.size() ? cells[i] + padding : cells[i];
  }
  return text;
}

std::string Table::text(const Terminal& terminal) const {
  const auto columns = widths();
  std::string text = terminal.styled(Style::bold, line(heads_, columns)) + "\n";
  for (const Row& row : rows_) text += terminal.styled(row.style, line(row.cells, columns)) + "\n";
  return text;
}

std::string Table::csv() const {
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i ? "," : "") + csv_cell(cells[i]);
    text += "\r\n";
  };
  add_line(heads_);
  for (const Row& row : rows_) add_line(row.cells);
  return text;
}

std::string Table::markdown() const {
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    text += "|";
    for (const std::string& cell : cells) text += " " + replace_all(cell, "|", "\\|") + " |";
    text += "\n";
  };
  add_line(heads_);
  text += "|";
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    text += std::ranges::find(right_, i) != right_.end() ? " ---: |" : " --- |";
  }
  text += "\n";
  for (const Row& row : rows_) add_line(row.cells);
  return text;
}

}  // namespace lathe
