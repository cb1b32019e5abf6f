// SPDX-License-Identifier: MIT
// Nix that a matrix file holds word for word. Looks at its brackets, strings and comments, so that it can be
// put into a recipe without reaching out of its place there. Does not know what it means: the recipe's
// evaluation shows that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Why `text` cannot stand as one expression in brackets; "" when it can.
std::string why_no_nix_expression(std::string_view text);

// Why `text` cannot stand as bindings in a set ("a = 1; inherit b;"); "" when it can.
std::string why_no_nix_bindings(std::string_view text);

// The names that such bindings set, each once: "doCheck", "meta" of "meta.broken = true;".
std::vector<std::string> nix_bound_names(std::string_view bindings);

// "name", "a-b'", not a keyword.
bool is_nix_name(std::string_view text);

// "pkgs.cudaPackages.cudatoolkit": names behind dots, the first of them pkgs.
bool is_package_path(std::string_view text);

}  // namespace lathe
