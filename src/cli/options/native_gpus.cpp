// SPDX-License-Identifier: MIT
#include "cli/options/native_gpus.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"
#include "host/host_info.h"
#include "host/nvml.h"

namespace lathe {

std::string native_gpu_list() {
  const NvmlReport report = ask_nvml(default_nvml_options());
  std::vector<Capability> found = capabilities_of(report.gpus);
  std::ranges::sort(found);
  if (found.empty()) {
    throw Error(
        {.what = "no NVIDIA GPU was found in this machine" + (report.what.empty() ? "" : ": " + report.what),
         .where = {},
         .next = "name the capability instead of native: --gpu 9.0"});
  }
  std::string list;
  for (const Capability& capability : found)
    list += (list.empty() ? "" : ",") + spell(capability, Dialect::dotted);
  return list;
}

}  // namespace lathe
