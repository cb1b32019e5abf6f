// SPDX-License-Identifier: MIT
// Who besides the wrappers points into the device code of a linked file: relocations, exported symbols. Such
// a container must stay where it is. References that leave no trace in the file (an address computed by the
// machine code next to it) cannot be seen; nvcc makes none.
#pragma once

#include <vector>

#include "device/contents.h"
#include "formats/elf.h"

namespace lathe {

// Containers, ascending.
std::vector<ContainerIndex> containers_referenced_elsewhere(const Elf& elf, const DeviceContents& fatbins);

}  // namespace lathe
