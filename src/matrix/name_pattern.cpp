// SPDX-License-Identifier: MIT
#include "matrix/name_pattern.h"

#include <algorithm>
#include <iterator>

namespace lathe {
namespace {

NamePattern::Word word_of(std::string_view name) {
  static constexpr std::string_view names[] = {"",     "package", "pytorch", "python",
                                               "cuda", "gpu",     "isa",     "matrix"};
  const auto* found = std::ranges::find(names, name);
  return found == std::end(names) ? NamePattern::Word::literal
                                  : static_cast<NamePattern::Word>(found - names);
}

}  // namespace

NamePattern::NamePattern(std::string_view text) {
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    if (open != 0) parts_.emplace_back(Word::literal, text.substr(0, open));
    if (open == std::string_view::npos) return;
    const std::size_t close = text.find('}', open);
    parts_.emplace_back(word_of(text.substr(open + 1, close - open - 1)), "");
    text.remove_prefix(close + 1);
  }
}

void NamePattern::write(std::string& out, const Words& words) const {
  out.clear();
  for (const auto& [word, text] : parts_)
    out += word == Word::literal ? text : words[static_cast<std::size_t>(word)];
}

}  // namespace lathe
