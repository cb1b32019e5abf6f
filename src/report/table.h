// SPDX-License-Identifier: MIT
// A table of words, printed for people (aligned), spreadsheets (CSV, RFC 4180) or documents (Markdown).
// Cells are outside text: control characters are spelled out in all three, and no cell is a formula or HTML.
// A table of any length is printed a line at a time: measure() every row, then lines(); CSV and Markdown need
// no measuring.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/terminal.h"

namespace lathe {

class Table {
  // Where the cells stand at this many columns.
  struct Layout {
    std::vector<std::size_t> line;   // columns that stand in a row's line, the last one last
    std::vector<std::size_t> below;  // those that stand below it
    bool stacked = false;            // the first cell has a line for itself
  };

 public:
  explicit Table(std::vector<std::string> heads);
  void add(std::vector<std::string> row, Style style = Style::plain);
  void align_right(std::size_t column) { right_.push_back(column); }
  // A column that repeats what another one says (a variant's name holds its axes): left out first where the
  // terminal is narrow; the one named first goes first.
  void spare(std::size_t column) { spare_.push_back(column); }
  bool empty() const { return rows_.empty(); }

  // Fits the terminal. A row that is too wide goes on in lines below, which are indented and broken between
  // words: its last cell stands there, then the widest of the others, with their heads. Before any of them
  // the spare columns are left out.
  std::string text(const Terminal& terminal) const;
  std::size_t width() const;  // of the widest row, where nothing is left out or goes below
  std::string csv() const;
  std::string markdown() const;

  void measure(const std::vector<std::string>& row);
  // For people, a line at a time. Valid as long as the table and the terminal, and until something is
  // measured or added.
  class Lines {
   public:
    std::string head() const { return styled(table_.heads_, Style::bold, true); }
    std::string row(std::vector<std::string> cells, Style style) const;

   private:
    friend class Table;
    Lines(const Table& table, const Terminal& terminal)
        : table_(table), terminal_(terminal), layout_(table.layout(terminal.fold())) {}
    std::string styled(const std::vector<std::string>& printable_cells, Style style, bool head) const;

    const Table& table_;
    const Terminal& terminal_;
    Layout layout_;
  };
  Lines lines(const Terminal& terminal) const { return {*this, terminal}; }
  std::string csv_head() const;
  static std::string csv_line(const std::vector<std::string>& row);
  std::string markdown_head() const;
  static std::string markdown_line(const std::vector<std::string>& row);

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  Layout layout(std::size_t columns) const;
  bool last_is_words() const;
  std::size_t width_of(const Layout& layout) const;
  std::string aligned(const std::vector<std::string>& cells, const std::vector<std::size_t>& columns) const;
  std::string cell_below(const std::vector<std::string>& cells, std::size_t column, bool labelled,
                         std::size_t columns) const;
  std::string fitted(const std::vector<std::string>& cells, const Layout& layout, bool head,
                     std::size_t columns) const;
  void widen(const std::vector<std::string>& cells);
  bool is_right(std::size_t column) const;

  std::vector<std::string> heads_;
  std::vector<std::size_t> widths_;
  std::vector<Row> rows_;
  std::vector<std::size_t> right_, spare_;
};

}  // namespace lathe
