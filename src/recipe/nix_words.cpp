// SPDX-License-Identifier: MIT
#include "recipe/nix_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "base/text.h"

namespace lathe {

std::string nix_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string indented_string(std::string_view text) {
  return replace_all(replace_all(std::string(text), "''", "'''"), "${", "''${");
}

std::string indented(std::string_view text, std::string_view indent) {
  std::string result;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) result.append(indent).append(line) += '\n';
  }
  return result;
}

std::string nix_texts(const std::vector<std::string>& items, std::string_view separator) {
  std::string text;
  for (const std::string& item : items)
    fmt::format_to(std::back_inserter(text), "{}\"{}\"", text.empty() ? "" : separator, nix_text(item));
  return text;
}

std::string dotted_list(const std::vector<Capability>& gpus) {
  std::vector<std::string> texts;
  for (const Capability gpu : gpus) texts.push_back(spell(gpu, Dialect::dotted));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace lathe
