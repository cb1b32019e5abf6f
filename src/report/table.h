// SPDX-License-Identifier: MIT
// A table of words, printed for people (aligned), spreadsheets (CSV, RFC 4180) or documents (Markdown).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/terminal.h"

namespace lathe {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  void add(std::vector<std::string> row, Style style = Style::plain);
  void align_right(std::size_t column) { right_.push_back(column); }
  bool empty() const { return rows_.empty(); }

  std::string text(const Terminal& terminal) const;
  std::string csv() const;
  std::string markdown() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  std::vector<std::size_t> widths() const;
  std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const;

  std::vector<std::string> heads_;
  std::vector<Row> rows_;
  std::vector<std::size_t> right_;
};

}  // namespace lathe
