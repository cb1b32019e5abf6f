// SPDX-License-Identifier: MIT
// CUDA's compute capabilities as targets, both ways: for those who know that they speak of CUDA (a matrix, a
// host's GPUs, PyTorch's own list). May be called from any thread.
#pragma once

#include "device/target.h"
#include "hardware/capability.h"
#include "hardware/compat.h"

namespace lathe {

Target cuda_target(Capability capability);
TargetCode cuda_code(const DeviceCode& code);

// Of CUDA targets; of others nonsense.
DeviceCode device_code(const TargetCode& code);
Capability capability_of(Target target);

}  // namespace lathe
