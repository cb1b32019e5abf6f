// SPDX-License-Identifier: MIT
#include "page/state.h"

#include <algorithm>
#include <iterator>

namespace lathe {
namespace {

constexpr State table[] = {
    {"failed", "✗", "the last build failed"},
    {"mismatch", "≠", "the build holds something else than its name says"},
    {"running", "…", "is being built"},
    {"partly", "◐", "some of these variants are built"},
    {"stopped", "□", "the last build was stopped before its end"},
    {"valid", "○", "can be built"},
    {"redundant", "≈", "can be built, but each machine that runs it has a better one"},
    {"impossible", "–", "cannot be built, or no machine runs it"},
    {"built", "✓", "is built"},
};

}  // namespace

std::span<const State> states() { return table; }

const State& state_named(std::string_view word) {
  if (word == "cached") word = "built";
  const auto* found = std::ranges::find(table, word, &State::word);
  return found != std::end(table) ? *found : state_named("stopped");
}

void write_state(Html& html, const State& state, std::string_view label) {
  html.open("span", {{"class", "state " + std::string(state.word)}});
  html.element("span", {{"aria-hidden", "true"}}, state.sign).text(" ");
  html.text(label.empty() ? state.word : label).close();
}

}  // namespace lathe
