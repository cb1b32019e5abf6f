// SPDX-License-Identifier: MIT
#include "base/toml_string.h"

#include <fmt/format.h>

namespace lathe {

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') result += "\\n";
    else if (c == '\t') result += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else result += c;
  }
  return result + "\"";
}

}  // namespace lathe
