// SPDX-License-Identifier: MIT
// NVIDIA GPUs by what the kernel says of the hardware, for machines where NVML cannot be asked: PCI numbers
// from sysfs, or the device tree of a system on a chip. The catalogue's chips.toml turns either into a
// capability.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "host/host_info.h"

namespace lathe {

struct KernelGpus {
  std::vector<HostGpu> gpus = {};
  std::string source = {};  // "pci", "device tree", "" for none
  Findings notes = {};
};

// `root`: "/" but for tests.
KernelGpus gpus_of_kernel(const std::filesystem::path& root);

// The product in a line of the PCI ID database: "GeForce RTX 5090" of "GB202 [GeForce RTX 5090]".
// `database`: the text of pci.ids. "" when the number is not in it.
std::string pci_product(std::string_view database, int device);

}  // namespace lathe
