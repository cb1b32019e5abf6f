// SPDX-License-Identifier: MIT
#include "hardware/product_name.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace lathe {
namespace {

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '.'; }

constexpr std::string_view marks[] = {"(r)", "(tm)", "\xC2\xAE" /* (R) */, "\xE2\x84\xA2" /* TM */};
constexpr std::string_view times = "\xC3\x97";  // "i9-9900K x 16" of desktops' own pages

std::string one_blank(std::string_view text) {
  std::string result;
  for (const std::string_view word : words(text)) result.append(result.empty() ? "" : " ").append(word);
  return result;
}

bool in_set(std::string_view set, char c) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      if (set[i] <= c && c <= set[i + 2]) return true;
      i += 2;
    } else if (set[i] == c) {
      return true;
    }
  }
  return false;
}

bool at_word_end(std::string_view name, std::size_t at) { return at == name.size() || name[at] == ' '; }

using Hit = ProductPattern::Hit;

// Whether the pattern's first sign, which stands for one character, stands for `c`.
bool fits_one(std::string_view pattern, char c) {
  switch (pattern.front()) {
    case '#': return is_digit(c);
    case '@': return is_letter(c);
    case '_': return c == ' ';
    case '[': return in_set(pattern.substr(1, pattern.find(']') - 1), c);
    default: return c == pattern.front();
  }
}

// What is left of a pattern: of the text in braces, then of what stands behind them.
struct Rest {
  std::string_view pattern;
  const Rest* next = nullptr;
};

std::optional<Hit> match_rest(const Rest& rest, std::string_view name, std::size_t at);

std::optional<Hit> better(const std::optional<Hit>& a, const std::optional<Hit>& b) {
  return a && (!b || !b->better_than(*a)) ? a : b;
}

std::optional<Hit> match_braces(const Rest& rest, std::string_view name, std::size_t at) {
  const std::size_t close = rest.pattern.find('}');
  const Rest behind = {rest.pattern.substr(close + 1), rest.next};
  std::optional<Hit> best;
  for (const std::string_view way : split(rest.pattern.substr(1, close - 1), '|')) {
    best = better(best, match_rest({way, &behind}, name, at));
  }
  return best;
}

std::optional<Hit> match_run(const Rest& rest, std::string_view name, std::size_t at) {
  std::size_t end = at;
  if (end < name.size() && !is_digit(name[end])) end = std::min(name.find(' ', at), name.size());
  for (;; --end) {
    if (const auto found = match_rest(rest, name, end)) return found;
    if (end == at) return std::nullopt;
  }
}

// Only braces, '*' and ' ' leave a choice.
std::optional<Hit> match_rest(const Rest& rest, std::string_view name, std::size_t at) {
  if (rest.pattern.empty() && rest.next) return match_rest(*rest.next, name, at);
  if (rest.pattern.empty()) return at_word_end(name, at) ? std::optional(Hit{.end = at}) : std::nullopt;
  const char c = rest.pattern.front();
  if (c == '{') return match_braces(rest, name, at);
  const Rest after = {rest.pattern.substr(c == '[' ? rest.pattern.find(']') + 1 : 1), rest.next};
  if (c == '*') return match_run(after, name, at);
  if (c == ' ') {
    const auto with = at < name.size() && name[at] == ' ' ? match_rest(after, name, at + 1) : std::nullopt;
    return with ? with : match_rest(after, name, at);
  }
  if (at == name.size()) return std::nullopt;
  auto found = fits_one(rest.pattern, name[at]) ? match_rest(after, name, at + 1) : std::nullopt;
  if (found && std::string_view("#@_[").find(c) == std::string_view::npos) ++found->literals;
  return found;
}

struct Beginning {
  std::bitset<256> characters;
  bool empty = false;
};

void add_beginning(const Rest& rest, Beginning& beginning) {
  if (rest.pattern.empty()) {
    if (rest.next) add_beginning(*rest.next, beginning);
    else beginning.empty = true;
    return;
  }
  const char c = rest.pattern.front();
  const Rest after = {rest.pattern.substr(c == '[' ? rest.pattern.find(']') + 1 : 1), rest.next};
  if (c == '{') {
    const std::size_t close = rest.pattern.find('}');
    const Rest behind = {rest.pattern.substr(close + 1), rest.next};
    for (const std::string_view way : split(rest.pattern.substr(1, close - 1), '|'))
      add_beginning({way, &behind}, beginning);
    return;
  }
  for (std::size_t value = 0; value < beginning.characters.size(); ++value) {
    const char at = static_cast<char>(value);
    if (c == '*' ? at != ' ' && !is_digit(at) : fits_one(rest.pattern, at) || (c == ' ' && at == ' '))
      beginning.characters.set(value);
  }
  if (c == '*' || c == ' ') add_beginning(after, beginning);
}

}  // namespace

std::string_view without_count(std::string_view name) {
  const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  if (digits > 0 && digits <= 3 && digits + 1 < name.size() && name[digits] == 'x' &&
      !is_digit(name[digits + 1])) {
    name.remove_prefix(digits + 1);
    return name.substr(std::min(name.find_first_not_of(' '), name.size()));
  }
  const std::size_t last = std::min(name.rfind(" x"), name.size());
  const std::string_view behind = name.substr(std::min(last + 2, name.size()));
  for (const std::string_view count : {"2", "3", "4", "6", "8", "10", "12", "16"}) {
    if (behind == count) return name.substr(0, last);
  }
  return name;
}

ProductPattern::ProductPattern(std::string_view text) : text_(text) {
  Beginning beginning;
  add_beginning({.pattern = text_, .next = nullptr}, beginning);
  begins_ = beginning.characters;
  empty_ = beginning.empty;
}

std::string clean_name(std::string_view text) {
  if (text.size() > longest_product_name) return "";
  std::string small = lower_case(std::string(text));
  for (const std::string_view mark : marks) small = replace_all(std::move(small), mark, " ");
  small = replace_all(std::move(small), times, " x ");
  for (std::size_t i = 0; i < small.size(); ++i) {
    const bool between_digits =
        i > 0 && i + 1 < small.size() && is_digit(small[i - 1]) && is_digit(small[i + 1]);
    if (!is_word(small[i]) || (small[i] == '.' && !between_digits)) small[i] = ' ';
  }
  return one_blank(small);
}

std::optional<Hit> ProductPattern::match_all(std::string_view name, std::size_t at) const {
  return match_rest({.pattern = text_, .next = nullptr}, name, at);
}

PatternSet::PatternSet(std::vector<ProductPattern> patterns)
    : patterns_(std::move(patterns)), by_first_(256) {
  for (std::size_t first = 0; first < by_first_.size(); ++first) {
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (patterns_[i].may_begin_with(static_cast<char>(first)))
        by_first_[first].push_back(static_cast<std::uint32_t>(i));
    }
  }
}

std::size_t PatternSet::longest(std::string_view name, std::size_t at) const {
  std::size_t end = at;
  for (const std::uint32_t index : by_first_[static_cast<unsigned char>(name[at])]) {
    if (const auto hit = patterns_[index].match(name, at)) end = std::max(end, hit->end);
  }
  return end;
}

std::string without_words(std::string_view name, const PatternSet& noise) {
  std::string rest;
  for (std::size_t at = 0; at < name.size();) {
    std::size_t end = noise.longest(name, at);
    if (end == at) {
      end = std::min(name.find(' ', at), name.size());
      rest.append(rest.empty() ? "" : " ").append(name.substr(at, end - at));
    }
    at = std::min(end + 1, name.size());
  }
  return rest;
}

}  // namespace lathe
