// SPDX-License-Identifier: MIT
// A regular expression that takes linear time on any text, with named groups. Wraps RE2, which only
// pattern.cpp includes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

using Captures = std::map<std::string, std::string>;

struct PatternMatch {
  std::size_t begin = 0, end = 0;  // in the text
  Captures captures = {};          // the named groups that took part
};

class TextPattern {
 public:
  explicit TextPattern(const std::string& expression);  // an Error when it is not an expression
  TextPattern(TextPattern&&) noexcept;
  TextPattern& operator=(TextPattern&&) noexcept;
  ~TextPattern();

  bool matches(std::string_view text) const;  // anywhere in `text`
  std::optional<PatternMatch> match(std::string_view text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace lathe
