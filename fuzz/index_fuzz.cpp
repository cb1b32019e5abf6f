// SPDX-License-Identifier: MIT
// An index of published variants that somebody hostile offers: any bytes are read or refused with an Error;
// of what is read only letters come into commands that mean the same to every shell, and nothing of it
// becomes an element of the page.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "select/candidate.h"
#include "select/index.h"
#include "publish/index_page.h"

namespace {

// Words of letters without a meaning to shells, or such words, '?' and '&' between quotes.
void check_command(std::string_view command) {
  bool quoted = false;
  for (const char c : command) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '\'') quoted = !quoted;
    else if (!letter &&
             std::string_view(quoted ? ":/.-_~@+%=,?& " : ":/.-_~@+%=, ").find(c) == std::string_view::npos)
      std::abort();
  }
  if (quoted || !command.starts_with("nix")) std::abort();
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

void check_page(const std::string& text) {
  lathe::parse_json(text, "fuzz");
  const std::string html = lathe::index_pages({.name = text, .keys = {text}}, {text}).html;
  if (count(html, "<script") != 1 || count(html, "<pre>") != 2 || count(html, "<tr") > 4) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* place : {"https://cache.example.org/index.json", "/srv/cache"}) {
    try {
      const auto candidates = lathe::read_published(text, place);
      if (!lathe::read_index_head(lathe::parse_json(text, "fuzz"), place)) continue;
      for (const lathe::Candidate& candidate : candidates) {
        for (const std::string_view command : lathe::split(candidate.get, '\n')) check_command(command);
      }
    } catch (const lathe::Error&) {
    }
  }
  try {
    check_page(text);
  } catch (const lathe::Error&) {
  }
  return 0;
}
