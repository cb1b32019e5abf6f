// SPDX-License-Identifier: MIT
#include "cli/parts/page.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/wrap.h"
#include "report/table.h"

namespace lathe {
namespace {

// "| a | b \| c |": the cells, as they are read.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '|' && line[i - 1] != '\\') cells.emplace_back(trim(std::exchange(cell, {})));
    else if (line[i] != '\\' || i + 1 == line.size() || line[i + 1] != '|') cell += line[i];
  }
  return cells;
}

bool is_rule_of_table(std::string_view line) { return line.find_first_not_of("|-: ") == line.npos; }

bool starts_item(std::string_view line) {
  const std::string_view text = trim(line);
  return text.starts_with("- ") || text.starts_with("* ") ||
         (text.size() > 2 && text[0] >= '0' && text[0] <= '9' && text.find(". ") < 3);
}

// Line by line: what belongs together is gathered, and shown when something else begins.
class Page {
 public:
  explicit Page(const Terminal& terminal) : terminal_(terminal) {}

  void take(std::string_view line) {
    if (line.starts_with("```")) {
      end_block();
      fenced_ = !fenced_;
    } else if (fenced_) {
      text_ += std::string(line) + "\n";
    } else if (line.starts_with('|')) {
      take_row(line);
    } else {
      take_words(line);
    }
  }
  std::string finish() {
    end_block();
    return std::move(text_);
  }

 private:
  void take_row(std::string_view line) {
    if (!table_) {
      end_block();
      table_.emplace(cells_of(line));
      heads_ = cells_of(line).size();
    } else if (!is_rule_of_table(line)) {
      std::vector<std::string> cells = cells_of(line);
      cells.resize(heads_);
      table_->add(std::move(cells));
    }
  }
  void take_words(std::string_view line) {
    const bool alone = line.empty() || line.starts_with('#');
    if (alone || table_ || starts_item(line)) end_block();
    if (alone) {
      text_ += terminal_.styled(Style::bold, line) + "\n";
    } else {
      paragraph_ += (paragraph_.empty() ? "" : " ") + std::string(paragraph_.empty() ? line : trim(line));
    }
  }
  void end_block() {
    const std::size_t hang = starts_item(paragraph_) ? 2 : 0;
    if (!paragraph_.empty()) text_ += folded(std::exchange(paragraph_, {}), terminal_.fold(), hang) + "\n";
    if (table_) text_ += table_->text(terminal_);
    table_.reset();
  }

  const Terminal& terminal_;
  std::string text_, paragraph_;
  std::optional<Table> table_;
  std::size_t heads_ = 0;
  bool fenced_ = false;
};

}  // namespace

std::string page_text(std::string_view markdown, const Terminal& terminal) {
  if (terminal.fold() == 0) return std::string(markdown);
  if (markdown.ends_with('\n')) markdown.remove_suffix(1);
  Page page(terminal);
  for (const std::string_view line : split(markdown, '\n')) page.take(line);
  return page.finish();
}

}  // namespace lathe
