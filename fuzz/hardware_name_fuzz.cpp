// SPDX-License-Identifier: MIT
// Names of CPUs, GPUs and clouds' machines: any text is read or refused with an Error, and what was read is
// whole.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "hardware/cpu_name.h"
#include "hardware/gpu_name.h"
#include "hardware/instance.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const lathe::CpuReading cpu = lathe::read_cpu_name(text);
    if ((cpu.cpu == nullptr) == (cpu.isa == nullptr)) std::abort();
  } catch (const lathe::Error&) {
  }
  try {
    const lathe::GpuReading gpu = lathe::read_gpu_name(text);
    if (gpu.name.empty() || (gpu.gpu && gpu.gpu->capability != gpu.capability)) std::abort();
  } catch (const lathe::Error&) {
  }
  lathe::read_instance_name(text);
  return 0;
}
