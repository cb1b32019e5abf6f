// SPDX-License-Identifier: MIT
// Loads NVML into *this* process and asks it: what nvml.cpp runs in a child, because it may hang or crash.
#pragma once

#include <string>

#include "host/nvml.h"

namespace lathe {

// JSON: {"libcuda": bool, "library": bool, "nvml": version, "driver": version, "cuda": 13000, "gpus": [...],
// "lost": [sentence...]} or, in place of the last three, {"failure": sentence, "code": number}.
std::string ask_nvml_here(const NvmlOptions& options);

}  // namespace lathe
