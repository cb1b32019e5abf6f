// SPDX-License-Identifier: MIT
// Which libraries are NVIDIA's own, by SONAME.
#pragma once

#include <string_view>

namespace lathe {

bool is_nvidia_library(std::string_view soname);

}  // namespace lathe
