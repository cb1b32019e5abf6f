// SPDX-License-Identifier: MIT
#include "host/host_info.h"

#include <fmt/format.h>

#include <algorithm>

#include "hardware/capability.h"

namespace lathe {

bool HostCpu::has(std::string_view feature) const {
  return std::ranges::find(features, feature) != features.end();
}

std::vector<Capability> capabilities_of(const std::vector<HostGpu>& gpus) {
  std::vector<Capability> all;
  for (const HostGpu& gpu : gpus) {
    if (gpu.capability && std::ranges::find(all, *gpu.capability) == all.end())
      all.push_back(*gpu.capability);
  }
  return all;
}

std::string gpu_text(const HostGpu& gpu) {
  const std::string number =
      gpu.pci_device ? fmt::format("10de:{:04x}", *gpu.pci_device) : std::string("no PCI number");
  const std::string name = gpu.name.empty() ? fmt::format("GPU {}", number) : gpu.name;
  return fmt::format("{} ({})", name,
                     gpu.capability ? spell(*gpu.capability, Dialect::dotted) : "capability not known");
}

std::vector<std::string> missing_features(const HostCpu& cpu, const Isa& isa) {
  if (isa.machine != cpu.machine) return {std::string(to_string(isa.machine))};
  std::vector<std::string> missing;
  for (const std::string& feature : isa.cpuinfo) {
    if (!cpu.has(feature)) missing.push_back(feature);
  }
  return missing;
}

std::vector<const Isa*> usable_isas(const HostCpu& cpu) {
  std::vector<const Isa*> usable;
  for (const Isa& isa : catalog().isas) {
    if (missing_features(cpu, isa).empty()) usable.push_back(&isa);
  }
  return usable;
}

std::optional<Version> cuda_of_driver(const Version& driver) {
  std::optional<Version> newest;
  for (const Toolkit& toolkit : catalog().toolkits) {
    if (toolkit.paired_driver <= driver) newest = toolkit.version;
  }
  return newest;
}

}  // namespace lathe
