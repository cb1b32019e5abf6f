// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

// Lines of at most `width` columns, broken between words, the second and later ones indented; line ends of
// the text stay. The first line begins in column `indent`.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

// The same lines, those of more than `width` columns broken between words. What goes on stands under the text
// behind a label ("machine  RTX 4090"), else `hang` columns in. A command stays one: it is broken with a
// backslash, and what stands in quotes is one word. A word that is longer than a line is left whole.
std::string folded(std::string_view text, std::size_t width, std::size_t hang = 4);

}  // namespace lathe
