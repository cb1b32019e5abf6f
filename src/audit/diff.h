// SPDX-License-Identifier: MIT
// A unified diff of two texts, as `diff -u` prints it and `patch -p0` takes it.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

// "" when the two are equal. An empty name stands for /dev/null: a file that is not there.
std::string unified_diff(std::string_view old_text, std::string_view new_text, const std::string& old_name,
                         const std::string& new_name);

}  // namespace lathe
