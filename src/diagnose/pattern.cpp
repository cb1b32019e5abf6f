// SPDX-License-Identifier: MIT
#include "diagnose/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <vector>

#include "base/error.h"

namespace lathe {

struct TextPattern::Compiled {
  explicit Compiled(const std::string& expression) : regex(expression, RE2::Quiet) {}
  RE2 regex;
};

TextPattern::TextPattern(const std::string& expression) : compiled_(std::make_unique<Compiled>(expression)) {
  if (!compiled_->regex.ok()) {
    throw Error({.what = fmt::format("bad expression \"{}\": {}", expression, compiled_->regex.error())});
  }
}
TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern& TextPattern::operator=(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

bool TextPattern::matches(std::string_view text) const {
  return compiled_->regex.Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

std::optional<PatternMatch> TextPattern::match(std::string_view text) const {
  const RE2& regex = compiled_->regex;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1);
  if (!regex.Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, groups.data(),
                   static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  PatternMatch result;
  result.begin = static_cast<std::size_t>(groups[0].data() - text.data());
  result.end = result.begin + groups[0].size();
  for (const auto& [name, index] : regex.NamedCapturingGroups()) {
    const re2::StringPiece& group = groups[static_cast<std::size_t>(index)];
    if (group.data() != nullptr) result.captures[name] = std::string(group.data(), group.size());
  }
  return result;
}

}  // namespace lathe
