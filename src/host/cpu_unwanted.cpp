// SPDX-License-Identifier: MIT
// Features that a CPU has and that its owner does not want used: TORCHLATHE_CPU_WITHOUT.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "host/cpu.h"
#include "host/host_info.h"

namespace lathe {

void take_off_features(HostCpu& cpu, std::string_view globs) {
  for (const std::string_view glob : split(globs, ',')) {
    std::erase_if(cpu.features, [&](const std::string& name) { return glob_match(trim(glob), name); });
  }
}

void take_off_unwanted(HostCpu& cpu) {
  if (const char* globs = std::getenv("TORCHLATHE_CPU_WITHOUT")) take_off_features(cpu, globs);
}

}  // namespace lathe
