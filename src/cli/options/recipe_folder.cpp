// SPDX-License-Identifier: MIT
#include "cli/options/recipe_folder.h"

#include <filesystem>
#include <string>

#include "base/error.h"

namespace lathe {

void check_recipe_folder(const std::string& folder) {
  if (std::filesystem::is_directory(folder)) return;
  throw Error({.what = "is not a folder",
               .where = {.file = folder},
               .next = "check the spelling; torchlathe generate --output FOLDER makes a new one"});
}

}  // namespace lathe
