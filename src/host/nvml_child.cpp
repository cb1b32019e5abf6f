// SPDX-License-Identifier: MIT
// The half that runs in the child: loads the library, asks, and writes what it heard as JSON.
#include "host/nvml_child.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "host/host_info.h"
#include "host/host_json.h"
#include "host/nvml_api.h"

namespace lathe {
namespace {

constexpr unsigned most_devices = 256;  // a larger count is nonsense: no machine has so many

class Library {
 public:
  explicit Library(void* handle) : handle_(handle) {}
  template <typename Function>
  Function* find(const char* name) const {
    return reinterpret_cast<Function*>(::dlsym(handle_, name));
  }
  std::string reason(nvml::Return code) const {
    auto* text = find<nvml::ErrorString>("nvmlErrorString");
    const char* words = text ? text(code) : nullptr;
    return words ? printable(std::string_view(words, ::strnlen(words, 200))) : fmt::format("error {}", code);
  }

 private:
  void* handle_;
};

// Text that a library left in a buffer: it need not have ended it.
template <std::size_t size>
std::string text_in(const char (&buffer)[size]) {
  return printable(std::string_view(buffer, ::strnlen(buffer, size)));
}

std::string system_text(const Library& library, const char* function) {
  char buffer[nvml::version_size] = {};
  auto* ask = library.find<nvml::SystemText>(function);
  return ask && ask(buffer, sizeof(buffer)) == nvml::success ? text_in(buffer) : "";
}

std::string device_text(const Library& library, const char* function, nvml::Device device) {
  char buffer[nvml::name_size] = {};
  auto* ask = library.find<nvml::DeviceText>(function);
  return ask && ask(device, buffer, sizeof(buffer)) == nvml::success ? text_in(buffer) : "";
}

// GB10 and other GPUs that share the machine's memory answer "not supported".
std::optional<std::uint64_t> memory_of(const Library& library, nvml::Device device) {
  nvml::Memory memory{};
  auto* ask = library.find<nvml::MemoryInfo>("nvmlDeviceGetMemoryInfo");
  if (!ask || ask(device, &memory) != nvml::success) return std::nullopt;
  return memory.total;
}

std::optional<Capability> capability_of(const Library& library, nvml::Device device) {
  int major = 0, minor = 0;
  auto* ask = library.find<nvml::ComputeCapability>("nvmlDeviceGetCudaComputeCapability");
  if (!ask || ask(device, &major, &minor) != nvml::success) return std::nullopt;
  if (major < 1 || major > 99 || minor < 0 || minor > 9) return std::nullopt;
  return Capability{major, minor, 0};
}

void read_pci(const Library& library, nvml::Device device, HostGpu& gpu) {
  nvml::PciInfo info{};
  auto* ask = library.find<nvml::GetPciInfo>("nvmlDeviceGetPciInfo_v3");
  if (!ask || ask(device, &info) != nvml::success) return;
  constexpr unsigned nvidia = 0x10de;
  if ((info.pci_device_id & 0xFFFF) != nvidia) return;
  gpu.pci_device = static_cast<int>(info.pci_device_id >> 16);
  gpu.pci_address =
      fmt::format("{:04x}:{:02x}:{:02x}.0", info.domain & 0xFFFF, info.bus & 0xFF, info.device & 0xFF);
}

void read_slices(const Library& library, nvml::Device device, HostGpu& gpu) {
  unsigned current = 0, pending = 0, count = 0;
  auto* mode = library.find<nvml::MigMode>("nvmlDeviceGetMigMode");
  auto* slices = library.find<nvml::MigCount>("nvmlDeviceGetMaxMigDeviceCount");
  auto* handle = library.find<nvml::MigHandle>("nvmlDeviceGetMigDeviceHandleByIndex");
  if (!mode || mode(device, &current, &pending) != nvml::success || current != 1) return;
  gpu.mig = true;
  if (!slices || !handle || slices(device, &count) != nvml::success) return;
  for (unsigned i = 0; i < std::min(count, most_devices); ++i) {
    nvml::Device slice = nullptr;
    if (handle(device, i, &slice) != nvml::success) continue;  // places without a slice answer "not found"
    gpu.slices.push_back({.name = device_text(library, "nvmlDeviceGetName", slice),
                          .memory = memory_of(library, slice),
                          .uuid = device_text(library, "nvmlDeviceGetUUID", slice)});
  }
}

HostGpu read_device(const Library& library, nvml::Device device) {
  HostGpu gpu = {.name = device_text(library, "nvmlDeviceGetName", device),
                 .capability = capability_of(library, device),
                 .memory = memory_of(library, device),
                 .uuid = device_text(library, "nvmlDeviceGetUUID", device)};
  read_pci(library, device, gpu);
  read_slices(library, device, gpu);
  return gpu;
}

void* first_of(const std::vector<std::string>& libraries) {
  for (const std::string& name : libraries) {
    if (void* handle = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL)) return handle;
  }
  return nullptr;
}

void write_failure(JsonWriter& json, const std::string& what, nvml::Return code) {
  json.member("failure", what).member("code", code);
}

void write_devices(JsonWriter& json, const Library& library) {
  auto* count_of = library.find<nvml::Count>("nvmlDeviceGetCount_v2");
  auto* handle_of = library.find<nvml::HandleByIndex>("nvmlDeviceGetHandleByIndex_v2");
  unsigned count = 0;
  const nvml::Return code = count_of && handle_of ? count_of(&count) : nvml::not_supported;
  if (code != nvml::success) return write_failure(json, library.reason(code), code);
  if (count > most_devices) return write_failure(json, fmt::format("it reports {} GPUs", count), 0);
  std::vector<std::string> lost;
  json.key("gpus").begin_array();
  for (unsigned i = 0; i < count; ++i) {
    nvml::Device device = nullptr;
    const nvml::Return opened = handle_of(i, &device);
    if (opened == nvml::success) write_host_gpu(json, read_device(library, device));
    else lost.push_back(fmt::format("GPU {} does not answer: {}", i, library.reason(opened)));
  }
  json.end_array().member("lost", lost);
}

}  // namespace

std::string ask_nvml_here(const NvmlOptions& options) {
  JsonWriter json(JsonWriter::Layout::compact);
  json.begin_object().member("libcuda", first_of(options.cuda_libraries) != nullptr);
  void* handle = first_of(options.libraries);
  if (!handle) return json.member("library", false).end_object().take();
  const Library library(handle);
  auto* init = library.find<nvml::Init>("nvmlInit_v2");
  const nvml::Return code = init ? init() : nvml::not_supported;
  json.member("library", true).member("nvml", system_text(library, "nvmlSystemGetNVMLVersion"));
  json.member("driver", system_text(library, "nvmlSystemGetDriverVersion"));
  if (code != nvml::success) {
    write_failure(json, init ? library.reason(code) : "it has no nvmlInit_v2", code);
    return json.end_object().take();
  }
  int cuda = 0;
  auto* ask_cuda = library.find<nvml::CudaVersion>("nvmlSystemGetCudaDriverVersion_v2");
  if (ask_cuda && ask_cuda(&cuda) == nvml::success) json.member("cuda", cuda);
  write_devices(json, library);
  return json.end_object().take();
}

}  // namespace lathe
