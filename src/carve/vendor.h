// SPDX-License-Identifier: MIT
// Which files are NVIDIA's own: their licence restricts changing them and passing the result on, so a carve
// leaves them alone unless it is told otherwise.
#pragma once

#include <filesystem>
#include <string_view>

namespace lathe {

// By its place (nvidia/... as its Python packages are laid out) or by its SONAME, or file name where it has
// none. Not NCCL, which is free.
bool is_vendor_file(const std::filesystem::path& path_in_tree, std::string_view soname);

}  // namespace lathe
