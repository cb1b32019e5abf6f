// SPDX-License-Identifier: MIT
// A library with NVML's functions, for tests: two GPUs, of which the second is in MIG mode. FAKE_NVML in the
// environment makes it misbehave.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "host/nvml_api.h"

using namespace lathe::nvml;

namespace {

std::string_view mood() {
  const char* value = std::getenv("FAKE_NVML");
  return value ? value : "";
}

// Devices are numbers: 0 and 1 the GPUs, 10 and 11 slices of the second.
long number(Device device) { return reinterpret_cast<long>(device) - 1; }
Device device(long number) { return reinterpret_cast<Device>(number + 1); }

struct Made {
  const char *name, *uuid;
  int major, minor;
};
const Made& made(Device device) {
  static constexpr Made gpu = {"NVIDIA GB10", "GPU-0", 12, 1};
  static constexpr Made in_mig_mode = {"NVIDIA A100-SXM4-40GB", "GPU-1", 8, 0};
  static constexpr Made slice = {"NVIDIA A100-SXM4-40GB MIG 3g.20gb", "MIG-1", 8, 0};
  if (number(device) == 0) return gpu;
  return number(device) == 1 ? in_mig_mode : slice;
}

Return text(char* buffer, unsigned size, const char* value) {
  std::strncpy(buffer, value, size);
  return success;
}

}  // namespace

extern "C" {

Return nvmlInit_v2() {
  if (mood() == "hang") ::sleep(1000);
  if (mood() == "crash") std::abort();
  if (mood() == "exit") ::_exit(0);
  if (mood() == "mismatch") return version_mismatch;
  if (mood() == "not-loaded") return driver_not_loaded;
  return success;
}
const char* nvmlErrorString(Return code) {
  return code == version_mismatch ? "Driver/library version mismatch" : "Driver Not Loaded";
}
Return nvmlSystemGetDriverVersion(char* buffer, unsigned size) {
  if (mood() == "nonsense") {
    std::memset(buffer, 'x', size);  // no end, and no version
    return success;
  }
  return text(buffer, size, "580.65.06");
}
Return nvmlSystemGetNVMLVersion(char* buffer, unsigned size) { return text(buffer, size, "13.580.65.06"); }
Return nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = mood() == "nonsense" ? -7 : 13000;
  return success;
}
Return nvmlDeviceGetCount_v2(unsigned* count) {
  *count = mood() == "none" ? 0 : 2;
  if (mood() == "many") *count = 4'000'000'000;
  return success;
}
Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* out) {
  if (mood() == "lost" && index == 1) return gpu_is_lost;
  *out = device(index);
  return success;
}
Return nvmlDeviceGetName(Device d, char* buffer, unsigned size) {
  if (mood() == "nonsense") {
    std::memset(buffer, '\x01', size);
    return success;
  }
  return text(buffer, size, made(d).name);
}
Return nvmlDeviceGetUUID(Device d, char* buffer, unsigned size) { return text(buffer, size, made(d).uuid); }
Return nvmlDeviceGetCudaComputeCapability(Device d, int* major, int* minor) {
  *major = made(d).major;
  *minor = made(d).minor;
  if (mood() == "nonsense") *major = -3, *minor = 4711;
  return success;
}
Return nvmlDeviceGetMemoryInfo(Device d, Memory* memory) {
  if (number(d) == 0) return not_supported;
  *memory = {number(d) == 1 ? 42949672960ull : 20937965568ull, 1, 2};
  return success;
}
Return nvmlDeviceGetPciInfo_v3(Device d, PciInfo* info) {
  *info = {};
  info->bus = number(d) == 0 ? 15 : 7;
  info->pci_device_id = number(d) == 0 ? 0x2e1210deu : 0x20b010deu;
  return success;
}
Return nvmlDeviceGetMigMode(Device d, unsigned* current, unsigned* pending) {
  if (number(d) == 0) return not_supported;
  *current = *pending = 1;
  return success;
}
Return nvmlDeviceGetMaxMigDeviceCount(Device, unsigned* count) {
  *count = 7;
  return success;
}
Return nvmlDeviceGetMigDeviceHandleByIndex(Device, unsigned index, Device* out) {
  constexpr Return not_found = 6;
  if (index > 1) return not_found;
  *out = device(10 + static_cast<long>(index));
  return success;
}

}  // extern "C"
