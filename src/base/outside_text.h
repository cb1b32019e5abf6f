// SPDX-License-Identifier: MIT
// Text from outside (names of files and members, logs, messages of other programs), before it is shown: what
// a terminal or an editor would obey is spelled out. printable() of text.h is the form for one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // bytes; 0: not well-formed here
};
// The UTF-8 character that `text`, which is not empty, starts with.
Character first_character(std::string_view text);

// Is it one that a terminal or an editor obeys instead of showing it? Control characters (C0, DEL, C1), line
// and paragraph separators, and those that change the direction of what follows.
bool is_obeyed(char32_t code);

// As printable(), for text of several lines: line ends and tabs stay.
std::string printable_lines(std::string_view text);

// With one digit behind it, where a style of Terminal begins or ends: bytes that change with each run, so
// that no text from outside can hold them. printable() lets it through; it takes no columns.
std::string_view style_mark();

}  // namespace lathe
