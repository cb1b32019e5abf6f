// SPDX-License-Identifier: MIT
// What the device code of all inspected files together asks of NVIDIA's driver.
#pragma once

#include <optional>

#include "device/driver_need.h"
#include "inspect/inspect.h"

namespace lathe {

// The highest need of any file; nullopt: none is known.
std::optional<DriverNeed> needed_driver(const Inspection& inspection);

}  // namespace lathe
