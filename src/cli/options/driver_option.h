// SPDX-License-Identifier: MIT
// --driver, for commands that hold code against a driver.
#pragma once

#include <string>

#include "hardware/catalog.h"

namespace lathe {

// "550.54.14", or "native": of this machine. Error when it is neither, or when no driver is loaded here.
Version driver_named(const std::string& text);

}  // namespace lathe
