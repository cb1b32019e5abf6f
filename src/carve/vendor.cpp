// SPDX-License-Identifier: MIT
#include "carve/vendor.h"

#include <algorithm>
#include <string>

#include "device/nvidia_libraries.h"

namespace lathe {

bool is_vendor_file(const std::filesystem::path& path_in_tree, std::string_view soname) {
  const std::string name = soname.empty() ? path_in_tree.filename().string() : std::string(soname);
  if (is_free_nvidia_library(name)) return false;
  const std::filesystem::path folder = path_in_tree.parent_path();
  if (std::ranges::find(folder, std::filesystem::path("nvidia")) != folder.end()) return true;
  return is_nvidia_library(name);
}

}  // namespace lathe
