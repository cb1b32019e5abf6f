// SPDX-License-Identifier: MIT
#include "matrix/name_pattern.h"

#include <algorithm>

#include "matrix/axis_table.h"

namespace lathe {

NamePattern::NamePattern(std::string_view text) {
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    if (open != 0) parts_.emplace_back(literal, text.substr(0, open));
    if (open == std::string_view::npos) return;
    const std::size_t close = text.find('}', open);
    parts_.emplace_back(number_of(text.substr(open + 1, close - open - 1)), "");
    text.remove_prefix(close + 1);
  }
}

const std::vector<std::string>& NamePattern::known() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all = {"package"};
    for (const Axis* row : axes_by_nesting()) all.emplace_back(row->word);
    all.emplace_back("matrix");
    return all;
  }();
  return words;
}

std::size_t NamePattern::number_of(std::string_view word) {
  return static_cast<std::size_t>(std::ranges::find(known(), word) - known().begin());
}

void NamePattern::write(std::string& out, const Words& words) const {
  out.clear();
  for (const auto& [word, text] : parts_) out += word == literal ? text : words[word];
}

}  // namespace lathe
