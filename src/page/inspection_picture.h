// SPDX-License-Identifier: MIT
// `inspect --picture`: an Inspection as one SVG file.
#pragma once

#include <string>

#include "inspect/inspect.h"

namespace lathe {

// Where the bytes go: a bar for each file, device code split by GPU; then a bar for each GPU.
std::string inspection_svg(const Inspection& inspection, const std::string& title);

}  // namespace lathe
