// SPDX-License-Identifier: MIT
// The part of NVML's C interface that is used here, declared anew from NVIDIA's NVML API Reference Guide
// (the sections Initialization and Cleanup, System Queries, Device Queries, Multi Instance GPU Management;
// structures nvmlMemory_t and nvmlPciInfo_t). NVIDIA keeps functions with a version suffix stable.
#pragma once

namespace lathe::nvml {

using Return = int;  // nvmlReturn_t
enum : Return {
  success = 0,
  not_supported = 3,
  no_permission = 4,
  driver_not_loaded = 9,
  gpu_is_lost = 15,
  version_mismatch = 18,  // NVML_ERROR_LIB_RM_VERSION_MISMATCH: library and kernel module are of two releases
};

using Device = void*;  // nvmlDevice_t: opaque

struct Memory {  // nvmlMemory_t, bytes
  unsigned long long total, free, used;
};

struct PciInfo {  // nvmlPciInfo_t as of nvmlDeviceGetPciInfo_v3
  char bus_id_legacy[16];
  unsigned int domain, bus, device;
  unsigned int pci_device_id;  // device number in the upper half, vendor in the lower
  unsigned int pci_subsystem_id;
  char bus_id[32];
};

inline constexpr unsigned name_size = 96;     // NVML_DEVICE_NAME_V2_BUFFER_SIZE
inline constexpr unsigned uuid_size = 96;     // NVML_DEVICE_UUID_V2_BUFFER_SIZE
inline constexpr unsigned version_size = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE, and for NVML's own

extern "C" {
using Init = Return();                    // nvmlInit_v2
using ErrorString = const char*(Return);  // nvmlErrorString
// nvmlSystemGetDriverVersion, ...GetNVMLVersion
using SystemText = Return(char*, unsigned);
using CudaVersion = Return(int*);                                      // nvmlSystemGetCudaDriverVersion_v2
using Count = Return(unsigned*);                                       // nvmlDeviceGetCount_v2
using HandleByIndex = Return(unsigned, Device*);                       // nvmlDeviceGetHandleByIndex_v2
using DeviceText = Return(Device, char*, unsigned);                    // nvmlDeviceGetName, ...GetUUID
using ComputeCapability = Return(Device, int*, int*);                  // nvmlDeviceGetCudaComputeCapability
using MemoryInfo = Return(Device, Memory*);                            // nvmlDeviceGetMemoryInfo
using GetPciInfo = Return(Device, PciInfo*);                           // nvmlDeviceGetPciInfo_v3
using MigMode = Return(Device, unsigned* current, unsigned* pending);  // nvmlDeviceGetMigMode
using MigCount = Return(Device, unsigned*);                            // nvmlDeviceGetMaxMigDeviceCount
using MigHandle = Return(Device, unsigned, Device*);                   // nvmlDeviceGetMigDeviceHandleByIndex
}

}  // namespace lathe::nvml
