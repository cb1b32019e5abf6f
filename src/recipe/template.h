// SPDX-License-Identifier: MIT
// A text with @holes@. A hole alone on its line takes a text of several lines, each indented as the hole is;
// an empty text there takes the line away. Knows nothing of Nix or of variants.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace lathe {

using Holes = std::map<std::string, std::string, std::less<>>;

// The embedded template of this name ("gpu.nix.in").
std::string_view recipe_template(std::string_view name);

// An Error (fault) for a hole without a text: a slip between template and code, caught by the tests.
std::string fill(std::string_view text, const Holes& holes);

// The same with a function that says what stands in a hole.
using TextOf = std::function<std::string(std::string_view hole)>;
std::string fill_with(std::string_view text, const TextOf& text_of);

}  // namespace lathe
