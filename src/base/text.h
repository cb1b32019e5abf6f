// SPDX-License-Identifier: MIT
// Small things done to text: splitting, matching, guessing what a user meant, making foreign bytes printable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Of ASCII alone, whatever the locale: bytes of other characters stay as they are.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
std::string lower_case(std::string text);

std::vector<std::string_view> split(std::string_view text, char separator);  // "a,,b" has three parts
// what stands between blanks, tabs and line ends
std::vector<std::string_view> words(std::string_view text);
// blanks, tabs and line ends off both ends
std::string_view trim(std::string_view text);
// trimmed; the last that is not blank, "" without one
std::string_view last_line(std::string_view text);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

// Offset of the first byte that is not part of well-formed UTF-8 (no overlong forms, no surrogates);
// nullopt: all is.
std::optional<std::size_t> first_bad_utf8(std::string_view text);

// Text that is safe on a terminal and in JSON: control characters and bad UTF-8 become \x1b and the like.
std::string printable(std::string_view text);

// Columns that `text` takes on a terminal: UTF-8 characters, East Asian wide ones counted twice, combining
// ones as none.
std::size_t display_width(std::string_view text);

// `*` stands for any run of characters, `?` for one; all else is literal. The whole text must match.
bool glob_match(std::string_view pattern, std::string_view text);

// "456.1 MB", "12 kB", "7 B": decimal, as shops and wheels count.
std::string size_text(std::uint64_t bytes);

// The candidate nearest to `word` (Damerau-Levenshtein, letter case ignored), if near enough to be what was
// meant.
std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates);

// The same as a whole sentence for Error::Parts::next: "did you mean \"gpus\"?", or `otherwise`.
std::string did_you_mean_text(std::string_view word, std::span<const std::string> candidates,
                              std::string_view otherwise = "");

}  // namespace lathe
