// SPDX-License-Identifier: MIT
// Finds out what machine this is. Nothing here prints or fails for what it does not find: what could not be
// found out is missing in the result, and a note says why and what to do.
#pragma once

#include <filesystem>

#include "host/host_info.h"
#include "host/nvml.h"

namespace lathe {

struct DetectOptions {
  std::filesystem::path root = "/";  // of /proc, /sys, /etc; another one for tests
  NvmlOptions nvml = default_nvml_options();
  bool gpus = true;  // false: look neither for GPUs nor for their driver's libraries
};

HostInfo detect_host(const DetectOptions& options = {});

}  // namespace lathe
