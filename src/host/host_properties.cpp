// SPDX-License-Identifier: MIT
#include "host/host_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "hardware/catalog.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

// Every kind of code that a toolkit of the catalogue can make.
std::vector<DeviceCode> all_code() {
  std::vector<DeviceCode> all;
  for (const CapabilityRow& row : catalog().capabilities) {
    for (const char suffix : {'\0', 'f', 'a'}) {
      if ((suffix == 'f' && !row.family_since) || (suffix == 'a' && !row.specific_since)) continue;
      for (const CodeKind kind : {CodeKind::cubin, CodeKind::ptx}) {
        all.push_back({{row.capability.major, row.capability.minor, suffix}, kind});
      }
    }
  }
  return all;
}

bool usable(const HostInfo& host) {
  return !host.gpus.empty() && host.driver.cuda && host.driver.libraries &&
         std::ranges::all_of(host.gpus, [](const HostGpu& gpu) { return gpu.capability.has_value(); });
}

// Code that runs on all GPUs, best first for the first of them: the resolver's pick, then its pick among the
// rest.
void add_sm_arch(std::vector<WheelProperty>& out, const HostInfo& host) {
  std::vector<DeviceCode> left = all_code();
  std::erase_if(left, [&](const DeviceCode& code) {
    return std::ranges::any_of(host.gpus,
                               [&](const HostGpu& gpu) { return !runs_on(code, *gpu.capability); });
  });
  while (const auto best = pick(left, *host.gpus.front().capability)) {
    out.push_back({"nvidia", "sm_arch", sm_arch_value(left[*best])});
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(*best));
  }
}

void add_cpu(std::vector<WheelProperty>& out, const HostCpu& cpu) {
  const std::string space(to_string(cpu.machine));
  if (cpu.machine == Machine::x86_64) {
    for (int level = x86_level(cpu.features); level >= 1; --level)
      out.push_back({space, "level", fmt::format("v{}", level)});
  }
  for (const std::string& feature : cpu.features) out.push_back({space, feature, "on"});
}

}  // namespace

std::vector<WheelProperty> properties_of_host(const HostInfo& host) {
  std::vector<WheelProperty> out;
  if (usable(host)) {
    for (auto row = catalog().toolkits.rbegin(); row != catalog().toolkits.rend(); ++row) {
      if (row->version <= *host.driver.cuda)
        out.push_back({"nvidia", "cuda_version_lower_bound", row->version.text()});
    }
    add_sm_arch(out, host);
  }
  add_cpu(out, host.cpu);
  return out;
}

}  // namespace lathe
