// SPDX-License-Identifier: MIT
// Calls of the commands, for --help.
#pragma once

#include <span>
#include <string_view>

namespace lathe {

// Two calls of this command; none where there is no such command.
std::span<const std::string_view> examples_of(std::string_view command);

}  // namespace lathe
