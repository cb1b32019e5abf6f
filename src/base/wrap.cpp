// SPDX-License-Identifier: MIT
#include "base/wrap.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace lathe {
namespace {

bool is_quote(char c) { return c == '`' || c == '"' || c == '\''; }

// Where the word at `at` ends: at a blank that does not stand in quotes. An apostrophe opens none.
std::size_t end_of_word(std::string_view line, std::size_t at) {
  while (at < line.size() && line[at] != ' ') {
    const char c = line[at];
    const bool opens = is_quote(c) && (at == 0 || std::string_view(" (=").find(line[at - 1]) != line.npos);
    const std::size_t closed = opens ? line.find(c, at + 1) : line.npos;
    at = closed == line.npos ? at + 1 : closed + 1;
  }
  return at;
}

// Of a quote that no line has room for, its words.
std::size_t end_within(std::string_view line, std::size_t at, std::size_t room) {
  const std::size_t end = end_of_word(line, at);
  return display_width(line.substr(at, end - at)) <= room ? end : std::min(line.find(' ', at), line.size());
}

// Behind the blanks that a line begins with, and behind a first word that two blanks or a colon set apart.
std::size_t start_of_value(std::string_view line, std::size_t indent, std::size_t width) {
  const std::size_t gap = line.find("  ", indent);
  const std::size_t colon = line.find(": ", indent);
  const bool labelled = colon < line.find(' ', indent);
  if (labelled && gap > colon) return colon + 2;
  const std::size_t value = gap == line.npos ? line.npos : line.find_first_not_of(' ', gap);
  return value != line.npos && value <= width / 3 ? value : indent;
}

bool is_command(std::string_view text) {
  static constexpr std::array<std::string_view, 9> programs = {"torchlathe", "nix",  "nix-build", "pip", "uv",
                                                               "uvx",        "flox", "python3",   "curl"};
  if (text.starts_with("$ ")) text.remove_prefix(2);
  const std::size_t end = std::min(text.find(' '), text.size());
  return std::ranges::find(programs, text.substr(0, end)) != programs.end();
}

std::string folded_line(std::string_view line, std::size_t width, std::size_t hang) {
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t value = start_of_value(line, indent, width);
  const bool command = is_command(line.substr(value));
  std::size_t under = value > indent ? display_width(line.substr(0, value)) : indent + hang;
  if (under > width / 2) under = std::min(indent + hang, width / 2);
  const std::size_t end_mark = command ? 2 : 0;
  std::string out(line.substr(0, value));
  std::size_t column = display_width(out), at = value;
  while (at < line.size()) {
    const std::size_t blanks = std::min(line.find_first_not_of(' ', at), line.size()) - at;
    const std::size_t start = at + blanks;
    const std::size_t end = start < line.size() ? end_within(line, start, width - under) : start;
    const std::string_view word = line.substr(start, end - start);
    const std::size_t taken = display_width(word), kept = end < line.size() ? end_mark : 0;
    const bool between = blanks > 0 || at == value;
    if (between && column > under && column + blanks + taken + kept > width) {
      while (out.ends_with(' ')) out.pop_back();
      out += (command ? " \\\n" : "\n") + std::string(under, ' ');
      column = under;
    } else {
      out.append(blanks, ' ');
      column += blanks;
    }
    out += word;
    column += taken;
    at = end;
  }
  return out;
}

}  // namespace

std::string folded(std::string_view text, std::size_t width, std::size_t hang) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const bool fits = line.size() <= width || display_width(line) <= width;
    out += fits ? std::string(line) : folded_line(line, width, hang);
    if (end < rest.size()) out += '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  bool first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (!first) out += '\n' + std::string(column = indent, ' ');
    first = false;
    bool start = true;
    for (const std::string_view word : words(line)) {
      const std::size_t taken = display_width(word);
      if (!start && column + 1 + taken > width) {
        out += '\n' + std::string(indent, ' ');
        column = indent;
        start = true;
      }
      if (!start) out += ' ', ++column;
      out += word;
      column += taken;
      start = false;
    }
  }
  return out;
}

}  // namespace lathe
