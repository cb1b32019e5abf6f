// SPDX-License-Identifier: MIT
// The names that a Nix text mentions outside of comments and strings (but inside of ${...}), and the strings that could be
// names (`pkgs."torch"`), without parsing it. The
// recorder needs them: a Nix set cannot make up attributes when asked, so it must hold a recorder for every name that a
// recipe might ask for.
#pragma once

#include <string_view>
#include <vector>

namespace lathe {

// Sorted, each once, without keywords; views into `text`. Never fails: a broken text gives whatever can be read of it.
std::vector<std::string_view> mentioned_names(std::string_view text);

}  // namespace lathe
