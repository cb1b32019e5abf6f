// SPDX-License-Identifier: MIT
#include "base/wrap.h"

#include "base/text.h"

namespace lathe {

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
