// SPDX-License-Identifier: MIT
// What a phase script of a recipe leaves in shell variables: the assignments of a script, followed line by
// line. It is a reading aid, not a shell: conditions, loops and command substitutions are taken as if each
// line ran once, in order.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

using ShellVariables = std::map<std::string, std::string>;

// Applies `NAME=...`, `NAME+=...` and `export NAME=...` of `script` to `variables`. References to variables
// that are not known stay as they are written ("$CXXFLAGS").
void apply_assignments(std::string_view script, ShellVariables& variables);

// The lines of `script` that do more than assign: other commands, conditions, values that a command makes.
// Each once.
std::vector<std::string> other_commands(std::string_view script);

// The words of a flag variable; references to unknown variables are left out.
std::vector<std::string> flag_words(std::string_view text);

}  // namespace lathe
