// SPDX-License-Identifier: MIT
// Pasted /proc/cpuinfo and lscpu: any bytes are read or refused with an Error. What is read has only
// features that stand in the text, sorted and each once, and none is usable that the machine could not have.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "base/error.h"
#include "host/cpuinfo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    lathe::Findings notes;
    const lathe::HostCpu cpu = lathe::read_cpuinfo(text, "fuzz", notes);
    if (std::ranges::adjacent_find(cpu.features, std::ranges::greater_equal{}) != cpu.features.end())
      std::abort();
    for (const lathe::Isa* isa : lathe::usable_isas(cpu)) {
      if (isa->machine != cpu.machine) std::abort();
    }
  } catch (const lathe::Error&) {
  }
  return 0;
}
