// SPDX-License-Identifier: MIT
// Text as a string of TOML. Reading TOML: toml.h.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

// With its quotes; control bytes escaped.
std::string toml_string(std::string_view text);

}  // namespace lathe
