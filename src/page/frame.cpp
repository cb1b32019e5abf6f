// SPDX-License-Identifier: MIT
#include "page/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/embedded.h"
#include "base/hash.h"

namespace lathe::page_files {
std::span<const EmbeddedFile> files();
}

namespace lathe {
namespace {

std::string_view page_file(std::string_view name) {
  return std::ranges::find(page_files::files(), name, &EmbeddedFile::name)->text;
}

}  // namespace

std::string page_html(std::string_view title, std::string_view body, PageUse use) {
  const bool live = use == PageUse::live;
  const std::string script =
      std::string(page_file("filter.js")) + std::string(live ? page_file("live.js") : "");
  const std::string policy = fmt::format(
      "default-src 'none'; style-src 'unsafe-inline'; script-src '{}'; base-uri 'none'; form-action 'none'{}",
      to_sri(sha256(as_byte_span(script))), live ? "; connect-src 'self'" : "");
  Html html;
  html.raw("<!DOCTYPE html>\n").open("html", {{"lang", "en"}}).line().open("head").line();
  html.empty("meta", {{"charset", "utf-8"}}).line();
  html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}).line();
  html.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}}).line();
  html.empty("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", policy}}).line();
  html.element("title", title).line();
  html.open("style").line().raw(page_file("style.css")).close().line().close().line();
  html.open("body").line().raw(body).line().open("script").raw(script).close().line();
  return html.close().line().close().line().take();
}

void write_filter(Html& html, std::string_view label, std::string_view example,
                  std::initializer_list<FilterKind> kinds) {
  html.open("form", {{"role", "search"}, {"aria-label", std::string(label)}, {"hidden", Html::bare}}).line();
  html.open("label", {{"class", "wide"}}).text("Find ");
  html.empty("input", {{"type", "search"},
                       {"name", "q"},
                       {"placeholder", std::string(example)},
                       {"autocomplete", "off"},
                       {"spellcheck", "false"}});
  html.close().line();
  for (const FilterKind& kind : kinds) {
    html.open("label").text(kind.label).text(" ").open("select", {{"name", std::string(kind.name)}});
    html.raw("<option value=\"\">any</option>").close().close().line();
  }
  html.element("button", {{"type", "reset"}}, "Clear").line();
  html.raw("<output></output>").line().close().line();
}

void begin_table(Html& html, std::string_view css_class, std::string_view caption,
                 const std::vector<std::string>& heads) {
  html.open("table", {{"class", std::string(css_class)}}).line().element("caption", caption).line();
  html.open("thead").line().open("tr");
  for (const std::string& head : heads) html.element("th", {{"scope", "col"}}, head);
  html.close().line().close().line().open("tbody").line();
}

void end_table(Html& html) { html.close().line().close().line(); }

}  // namespace lathe
