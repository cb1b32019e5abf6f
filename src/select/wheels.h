// SPDX-License-Identifier: MIT
// PyTorch's own wheels: which of them a machine runs (hardware/data/wheels.toml), and how it is installed.
#pragma once

#include <string>
#include <string_view>

#include "hardware/catalog.h"
#include "host/host_info.h"

namespace lathe {

// The best that starts on this machine; nullptr: none does.
const WheelIndex* best_wheel(const HostInfo& host);

// `pip`: the program, "pip" or "uv pip".
std::string install_command(const WheelIndex& wheel, std::string_view pip);

}  // namespace lathe
