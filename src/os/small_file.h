// SPDX-License-Identifier: MIT
// Files of /proc and /sys: short, without a size beforehand, and often not there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace lathe {

// The text without the line end behind it; nullopt when it cannot be read, for whatever reason. At most 1
// MiB.
std::optional<std::string> small_file(const std::filesystem::path& path);

}  // namespace lathe
