// SPDX-License-Identifier: MIT
// What a machine supports, in the words of wheel variants: what an installer that knows them would choose by.
#pragma once

#include <vector>

#include "hardware/wheel_property.h"
#include "host/host_info.h"

namespace lathe {

// In the order in which an installer prefers them. cuda_version_lower_bound: every release of the catalogue
// that the driver serves, newest first. sm_arch: every value whose code runs on *every* GPU, by the driver's
// rules, best first; a machine without a usable GPU has no property of nvidia's.
std::vector<WheelProperty> properties_of_host(const HostInfo& host);

}  // namespace lathe
