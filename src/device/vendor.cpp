// SPDX-License-Identifier: MIT
#include "device/vendor.h"

#include "device/cuda.h"

namespace lathe {

std::span<const Vendor* const> vendors() {
  static const Vendor* const all[] = {&cuda_vendor()};
  return all;
}

Fatbins read_fatbins(const Elf& elf, const MappedFile* disk, const FatbinLimits& limits) {
  for (const Vendor* vendor : vendors()) {
    Fatbins found = vendor->read(elf, disk, limits);
    if (!found.empty() || !found.findings.empty() || !found.regions.empty()) return found;
  }
  return {};
}

DeviceSection device_section(std::string_view name) {
  for (const Vendor* vendor : vendors()) {
    if (const DeviceSection role = vendor->role_of(name); role != DeviceSection::none) return role;
  }
  return DeviceSection::none;
}

}  // namespace lathe
