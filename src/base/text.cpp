// SPDX-License-Identifier: MIT
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/edit_distance.h"
#include "base/outside_text.h"

namespace lathe {
namespace {

// Of the symbols between U+2300 and U+2E80 those that Unicode 15's EastAsianWidth.txt calls wide.
constexpr std::u32string_view wide_symbols =
    U"⌚⌛〈〉⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫"
    U"⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕";

bool is_wide(char32_t code) {
  if (code < 0x1100) return false;  // nearly all that is printed
  static constexpr std::array<std::pair<char32_t, char32_t>, 7> ranges = {{{0x1100, 0x115F},
                                                                           {0x2E80, 0xA4CF},
                                                                           {0xAC00, 0xD7A3},
                                                                           {0xF900, 0xFAFF},
                                                                           {0xFE30, 0xFE6F},
                                                                           {0xFF00, 0xFF60},
                                                                           {0x1F300, 0x1FAFF}}};
  return wide_symbols.find(code) != wide_symbols.npos || std::ranges::any_of(ranges, [&](const auto& range) {
           return code >= range.first && code <= range.second;
         });
}

bool is_combining(char32_t code) {
  return (code >= 0x300 && code <= 0x36F) || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0xFE00 && code <= 0xFE0F);
}

}  // namespace

namespace {

// No distance is shorter: letters that one has and the other lacks, wherever they stand. Most pairs of words
// end here.
std::size_t letters_apart(std::string_view a, std::string_view b) {
  std::array<int, 32> more{};  // letters that share a place only make the result smaller
  for (const char c : a) ++more[static_cast<unsigned char>(lower_case(c)) % more.size()];
  for (const char c : b) --more[static_cast<unsigned char>(lower_case(c)) % more.size()];
  std::size_t over = 0, under = 0;
  for (const int count : more) {
    if (count > 0) over += static_cast<std::size_t>(count);
    else under += static_cast<std::size_t>(-count);
  }
  return std::max(over, under);
}

}  // namespace

std::optional<std::size_t> edit_distance_within(std::string_view a, std::string_view b, std::size_t most) {
  const std::size_t unlike = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (unlike > most || letters_apart(a, b) > most) return std::nullopt;
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = lower_case(a[i - 1]) == lower_case(b[j - 1]) ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && lower_case(a[i - 1]) == lower_case(b[j - 2]) &&
                           lower_case(a[i - 2]) == lower_case(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
    // Every later row takes from these two, or from `before` one dearer.
    if (std::ranges::min(previous) > most && std::ranges::min(before) >= most) return std::nullopt;
  }
  return previous[b.size()] <= most ? std::optional(previous[b.size()]) : std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  return *edit_distance_within(a, b, std::max(a.size(), b.size()));
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return lower_case(c); });
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

namespace {
constexpr std::string_view blanks = " \t\r\n";
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!(text = trim(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(blanks), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return found;
}

std::string_view last_line(std::string_view text) {
  text = trim(text);
  return trim(text.substr(std::min(text.rfind('\n') + 1, text.size())));
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::optional<std::size_t> first_bad_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = first_character(text.substr(at));
    if (character.length == 0) return at;
    at += character.length;
  }
  return std::nullopt;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (text[0] == style_mark()[0] && text.starts_with(style_mark())) {
      text.remove_prefix(std::min(text.size(), style_mark().size() + 1));
      continue;
    }
    const Character character = first_character(text);
    if (!is_combining(character.code)) width += is_wide(character.code) ? 2 : 1;
    text.remove_prefix(std::max<std::size_t>(character.length, 1));
  }
  return width;
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // Greedy with one point to go back to: linear in practice, never exponential.
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.0f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t longest = 100;  // a longer word is not a typing slip, and the distance is quadratic
  if (word.empty() || word.size() > longest) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest) continue;
    const auto distance = edit_distance_within(word, candidate, best_distance);
    if (distance && (*distance < best_distance || best == nullptr)) {
      best = &candidate;
      best_distance = *distance;
    }
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::string did_you_mean_text(std::string_view word, std::span<const std::string> candidates,
                              std::string_view otherwise) {
  const auto guess = did_you_mean(word, candidates);
  return guess ? fmt::format("did you mean \"{}\"?", *guess) : std::string(otherwise);
}

}  // namespace lathe
