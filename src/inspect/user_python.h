// SPDX-License-Identifier: MIT
// Whose packages a user means by "mine".
#pragma once

#include <filesystem>
#include <optional>

namespace lathe {

// python3 of the active virtual environment, else the first in PATH; nullopt where there is none. Not the one
// that uvx puts before all others: it was made for this program, and nothing else is installed there. Reads
// the environment (VIRTUAL_ENV, PATH, UV) at each call; starts nothing.
std::optional<std::filesystem::path> user_python();

}  // namespace lathe
