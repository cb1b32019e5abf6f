// SPDX-License-Identifier: MIT
// The folder of recipes that a command judges or changes.
#pragma once

#include <string>

namespace lathe {

// An Error where it is none: a slip of the finger is not a new folder to fill.
void check_recipe_folder(const std::string& folder);

}  // namespace lathe
