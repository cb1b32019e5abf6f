// SPDX-License-Identifier: MIT
// What all pages have in common: one style, one script, one filter. A page is one file that loads nothing
// (but itself again, where a server shows it live), is whole without its script, and whose script is the
// only one that a browser runs in it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "page/html.h"

namespace lathe {

// A file, or shown by a server that has `events` beside it, which say when there is another page.
enum class PageUse { file, live };

// The document around `body` (markup: header and main).
std::string page_html(std::string_view title, std::string_view body, PageUse use = PageUse::file);

// What can be asked for beside words: `name` is that of the attribute data-NAME, which items have.
struct FilterKind {
  std::string_view name, label;
};

// The form that filters what stands below: every element with the attribute data-item, by its own data-NAME
// or that of the group around it. Hidden where scripts do not run.
void write_filter(Html& html, std::string_view label, std::string_view example,
                  std::initializer_list<FilterKind> kinds);

// A table with a caption and one head for each column; its rows come between the two calls.
void begin_table(Html& html, std::string_view css_class, std::string_view caption,
                 const std::vector<std::string>& heads);
void end_table(Html& html);

}  // namespace lathe
