// SPDX-License-Identifier: MIT
// A page of the documentation, as a terminal shows it.
#pragma once

#include <string>
#include <string_view>

#include "os/terminal.h"

namespace lathe {

// Where lines are folded: each paragraph and item of a list in lines of that width, tables as tables, and
// what stands between fences left to the terminal. In a pipe the Markdown as it is.
std::string page_text(std::string_view markdown, const Terminal& terminal);

}  // namespace lathe
