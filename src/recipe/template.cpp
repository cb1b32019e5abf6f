// SPDX-License-Identifier: MIT
#include "recipe/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"

namespace lathe::recipe_templates {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

bool is_hole_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

// The name of the hole that starts at `at` ("@name@"), or "" when there is none.
std::string_view hole_at(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && is_hole_letter(text[end])) ++end;
  return end > at + 1 && end < text.size() && text[end] == '@' ? text.substr(at + 1, end - at - 1) : "";
}

const std::string& text_for(std::string_view name, const Holes& holes) {
  const auto found = holes.find(name);
  if (found == holes.end()) {
    throw Error({.what = fmt::format("a template has the hole @{}@, which nothing fills", name),
                 .kind = ErrorKind::fault});
  }
  return found->second;
}

void append_indented(std::string& out, std::string_view indent, std::string_view block) {
  while (block.ends_with('\n')) block.remove_suffix(1);
  for (const std::string_view line : split(block, '\n')) {
    if (!line.empty()) out.append(indent).append(line);
    out += '\n';
  }
}

void append_line(std::string& out, std::string_view line, const TextOf& text_of) {
  for (std::size_t at = line.find('@'); at != std::string_view::npos; at = line.find('@')) {
    out.append(line.substr(0, at));
    const std::string_view name = hole_at(line, at);
    out.append(name.empty() ? "@" : text_of(name));
    line.remove_prefix(at + (name.empty() ? 1 : name.size() + 2));
  }
  out.append(line);
}

}  // namespace

std::string_view recipe_template(std::string_view name) {
  const auto files = recipe_templates::files();
  const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
  if (found == files.end()) {
    throw Error({.what = fmt::format("there is no template {}", name), .kind = ErrorKind::fault});
  }
  return found->text;
}

std::string fill(std::string_view text, const Holes& holes) {
  return fill_with(text, [&](std::string_view name) { return text_for(name, holes); });
}

std::string fill_with(std::string_view text, const TextOf& text_of) {
  std::string out;
  while (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t start = line.find_first_not_of(' ');
    const bool lone = start != std::string_view::npos && line[start] == '@' &&
                      hole_at(line, start).size() + 2 == line.size() - start && !hole_at(line, start).empty();
    if (!lone) {
      append_line(out, line, text_of);
      out += '\n';
    } else if (const std::string block = text_of(hole_at(line, start)); !block.empty()) {
      append_indented(out, line.substr(0, start), block);
    }
  }
  return out;
}

}  // namespace lathe
