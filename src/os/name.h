// SPDX-License-Identifier: MIT
// Names of files that stand beside another one while it is written.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

inline constexpr std::size_t longest_name = 255;  // bytes of a file name on Linux

// "." NAME ending: NAME is cut, between two characters, where the whole would be longer than a name can be.
std::string hidden_name(std::string_view name, std::string_view ending);

// At most `most` bytes of NAME, which is not cut inside a character of UTF-8.
std::string_view cut_name(std::string_view name, std::size_t most);

}  // namespace lathe
