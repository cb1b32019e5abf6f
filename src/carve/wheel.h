// SPDX-License-Identifier: MIT
// A Python wheel to a wheel for fewer GPUs: libraries that change are unpacked beside the result, carved as a folder is
// (tree.h) and packed on all cores; all else goes over as it lies there. What a wheel says of itself is wheel_names.h.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "carve/tree.h"

namespace lathe {

struct CarvedWheel {
  CarvedTree tree;             // paths as in the wheel; old_size and new_size: of all members, unpacked
  std::filesystem::path path;  // of the new wheel; empty when nothing was written
  std::uint64_t old_file_size = 0, new_file_size = 0;
};

// `destination`: a folder, into which the wheel goes under its new name, or that name itself. Error when it exists, when the
// wheel is damaged or hostile, when nothing in it would change or nothing in it serves a target.
CarvedWheel carve_wheel(const std::filesystem::path& source, const std::filesystem::path& destination,
                        const TreeOptions& options);

bool is_wheel(const std::filesystem::path& path);  // by its first bytes

}  // namespace lathe
