// SPDX-License-Identifier: MIT
// A Python wheel to a wheel for fewer GPUs: libraries that change are unpacked beside the result, carved as
// a folder is (tree.h) and packed on all cores; all else goes over as it lies there. What a wheel says of
// itself is wheel_names.h.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "carve/tree.h"

namespace lathe {

struct CarvedWheel {
  CarvedTree tree;             // paths as in the wheel; old_size and new_size: of all members, unpacked
  std::filesystem::path path;  // of the new wheel; empty when nothing was written
  // not empty: why nothing in it changes; `path` is a copy then, under the wheel's own name
  std::string unchanged = {};
  std::uint64_t old_file_size = 0, new_file_size = 0;
};

// `destination`: a folder, into which the wheel goes under its new name (it is made when it is missing), or
// that name itself. Error when the new wheel exists, or when the old one is damaged or hostile. A failure in
// `tree` when nothing in it serves a target; then nothing is written.
CarvedWheel carve_wheel(const std::filesystem::path& source, const std::filesystem::path& destination,
                        const TreeOptions& options);

bool is_wheel(const std::filesystem::path& path);  // by its first bytes

}  // namespace lathe
