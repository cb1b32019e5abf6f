// SPDX-License-Identifier: MIT
#include "base/outside_text.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace lathe {
namespace {

// By the first byte, which is none of ASCII.
std::size_t utf8_length(unsigned char first) {
  if (first >= 0xF0) return 4;
  return first >= 0xE0 ? 3 : 2;
}

}  // namespace

// Unicode 15, table 3-7.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = utf8_length(first);
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  char32_t code = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  static constexpr std::array<char32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < smallest[length] || code > 0x10FFFF || surrogate ? Character{} : Character{code, length};
}

bool is_obeyed(char32_t code) {
  static constexpr std::array<std::pair<char32_t, char32_t>, 7> ranges = {{{0x00, 0x1F},
                                                                           {0x7F, 0x9F},
                                                                           // Arabic letter mark
                                                                           {0x61C, 0x61C},
                                                                           // marks of direction
                                                                           {0x200E, 0x200F},
                                                                           // separators, embeddings,
                                                                           // overrides
                                                                           {0x2028, 0x202E},
                                                                           {0x2066, 0x2069},    // isolates
                                                                           {0xFFF9, 0xFFFB}}};  // annotations
  return std::ranges::any_of(ranges,
                             [&](const auto& range) { return code >= range.first && code <= range.second; });
}

namespace {

std::string make_style_mark() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    number = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  return fmt::format("\x1b<{:016x}", number);
}

// The bytes at the start of `text` that stay although they are obeyed: the program's own marks, and ends of
// lines.
std::size_t allowed(std::string_view text, bool lines) {
  const std::string_view mark = style_mark();
  if (text.size() > mark.size() && text.starts_with(mark)) return mark.size() + 1;
  if (!lines) return 0;
  if (text.starts_with("\r\n")) return 2;
  return text[0] == '\n' || text[0] == '\t' ? 1 : 0;
}

std::string spelled_out(std::string_view text, bool lines) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto* odd = std::ranges::find_if(text, [](unsigned char c) { return c < 0x20 || c >= 0x7F; });
    result.append(text.begin(), odd);
    text.remove_prefix(static_cast<std::size_t>(odd - text.begin()));
    if (text.empty()) break;
    const Character character = first_character(text);
    std::size_t length = allowed(text, lines);
    if (length == 0 && character.length > 0 && !is_obeyed(character.code)) length = character.length;
    result.append(text.substr(0, length));
    if (length == 0) {
      length = std::max<std::size_t>(character.length, 1);
      for (const char c : text.substr(0, length))
        fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

std::string_view style_mark() {
  static const std::string mark = make_style_mark();
  return mark;
}

std::string printable(std::string_view text) { return spelled_out(text, false); }
std::string printable_lines(std::string_view text) { return spelled_out(text, true); }

}  // namespace lathe
