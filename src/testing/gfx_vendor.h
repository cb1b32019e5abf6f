// SPDX-License-Identifier: MIT
// Another vendor than the one that is in: targets as ROCm has them (a processor, features that are on, off or
// not asked for), so that tests see coverage and plans speak of any vendor's.
#pragma once

#include <string_view>

#include "device/vendor.h"

namespace lathe::testing {

const Vendor& gfx_vendor();

// "gfx90a", "gfx90a:xnack+", "gfx942:sramecc-:xnack+"
Target gfx(std::string_view text);

}  // namespace lathe::testing
