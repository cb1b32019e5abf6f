// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

// Lines of at most `width` columns, broken between words, the second and later ones indented; line ends of
// the text stay. The first line begins in column `indent`.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace lathe
