// SPDX-License-Identifier: MIT
// A table of words, printed for people (aligned), spreadsheets (CSV, RFC 4180) or documents (Markdown).
// Cells are outside text: control characters are spelled out in all three, and no cell is a formula or HTML.
// A table of any length is printed a line at a time: measure() every row, then text_head() and text_line();
// CSV and Markdown need no measuring.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/terminal.h"

namespace lathe {

class Table {
 public:
  explicit Table(std::vector<std::string> heads);
  void add(std::vector<std::string> row, Style style = Style::plain);
  void align_right(std::size_t column) { right_.push_back(column); }
  bool empty() const { return rows_.empty(); }

  // A row that is wider than the terminal goes on in a second line, which is indented: its last cell stands
  // there, broken between words.
  std::string text(const Terminal& terminal) const;
  std::string csv() const;
  std::string markdown() const;

  void measure(const std::vector<std::string>& row);
  std::string text_head(const Terminal& terminal) const;
  std::string text_line(const std::vector<std::string>& row, Style style, const Terminal& terminal) const;
  std::string csv_head() const;
  static std::string csv_line(const std::vector<std::string>& row);
  std::string markdown_head() const;
  static std::string markdown_line(const std::vector<std::string>& row);

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  std::string aligned(const std::vector<std::string>& cells) const;
  void widen(const std::vector<std::string>& cells);
  bool is_right(std::size_t column) const;

  std::vector<std::string> heads_;
  std::vector<std::size_t> widths_;
  std::vector<Row> rows_;
  std::vector<std::size_t> right_;
};

}  // namespace lathe
