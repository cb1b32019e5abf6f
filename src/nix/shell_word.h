// SPDX-License-Identifier: MIT
// Text as one word of a POSIX shell.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

std::string single_quoted(std::string_view text);  // always in quotes
// In quotes only where a shell would take it for more than a word: for commands that people read.
std::string shell_word(std::string_view text);

}  // namespace lathe
