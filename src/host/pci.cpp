// SPDX-License-Identifier: MIT
#include "host/pci.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "os/small_file.h"
#include "os/mapped_file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// "0x10de" -> 0x10de; -1 when it is not a number.
int hex_number(std::string_view text) {
  int value = -1;
  if (text.starts_with("0x")) std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  return value;
}

// The name of the driver that a device is bound to: where its `driver` link points. "": to none.
std::string driver_of(const fs::path& device) {
  std::error_code failed;
  return fs::read_symlink(device / "driver", failed).filename().string();
}

// The database, where the system has it: it is only needed for a nice name.
std::string product_name(const fs::path& root, int device) {
  for (const char* place : {"usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"}) {
    try {
      const MappedFile file = MappedFile::open(root / place);
      if (std::string name = pci_product(as_text(file.bytes()), device); !name.empty()) return name;
    } catch (const Error&) {
      continue;
    }
  }
  return "";
}

void note_driver(const HostGpu& gpu, const std::string& driver, Findings& notes) {
  if (driver == "nvidia") return;
  const std::string what =
      driver.empty() ? "no driver is bound to it" : fmt::format("it is bound to {}", driver);
  const bool passed_on = driver == "vfio-pci";
  notes.add({.rule = "gpu-driver",
             .severity = Severity::warning,
             .what = fmt::format("{} at {}: {}{}", gpu_text(gpu), gpu.pci_address, what,
                                 passed_on ? ", for a virtual machine" : ""),
             .fix = passed_on ? "use it in that machine, or bind it to nvidia" : "install NVIDIA's driver"});
}

// One PCI device, if it is a GPU of NVIDIA's.
void read_kernel_device(const fs::path& root, const fs::path& folder, KernelGpus& out) {
  constexpr int nvidia = 0x10de, display = 0x03;
  const auto vendor = small_file(folder / "vendor"), kind = small_file(folder / "class");
  if (!vendor || !kind || hex_number(*vendor) != nvidia || hex_number(*kind) >> 16 != display) return;
  HostGpu gpu = {.pci_address = folder.filename().string()};
  const auto number = small_file(folder / "device");
  const int device = number ? hex_number(*number) : -1;
  if (device >= 0) {
    gpu.pci_device = device;
    gpu.name = product_name(root, device);
    if (const Chip* chip = catalog().find_chip(device)) {
      gpu.capability = chip->capability;
      if (gpu.name.empty()) gpu.name = chip->name;
    }
  }
  if (!gpu.capability) {
    out.notes.add(
        {.rule = "gpu-unknown",
         .severity = Severity::warning,
         .what = fmt::format("{} is not in the catalogue: nothing can be said to run on it", gpu_text(gpu)),
         .fix = "install NVIDIA's driver, whose management library names the capability; or say --gpu 12.0"});
  }
  note_driver(gpu, driver_of(folder), out.notes);
  out.gpus.push_back(std::move(gpu));
}

void read_pci_devices(const fs::path& root, KernelGpus& out) {
  std::error_code failed;
  const fs::path bus = root / "sys/bus/pci/devices";
  std::vector<fs::path> devices;
  for (fs::directory_iterator entry(bus, failed), end; !failed && entry != end; entry.increment(failed)) {
    devices.push_back(entry->path());
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    out.notes.add({.rule = "sysfs",
                   .severity = Severity::warning,
                   .what = fmt::format("{} cannot be read: {}", bus.string(), failed.message()),
                   .fix = "let this user read /sys, or say which GPU there is: --gpu"});
  }
  std::ranges::sort(devices);
  for (const fs::path& device : devices) read_kernel_device(root, device, out);
  if (!out.gpus.empty()) out.source = "pci";
}

// "compatible" holds words that end in a zero byte each: "nvidia,p3737-0000+p3701-0000\0nvidia,tegra234\0".
void read_device_tree(const fs::path& root, KernelGpus& out) {
  const auto compatible = small_file(root / "proc/device-tree/compatible");
  if (!compatible) return;
  for (const std::string_view word : split(*compatible, '\0')) {
    const auto chip = std::ranges::find_if(catalog().chips, [&](const Chip& row) {
      return !row.device_tree.empty() && row.device_tree == word;
    });
    if (chip == catalog().chips.end()) continue;
    const auto model = small_file(root / "proc/device-tree/model");
    const std::string name = model ? printable(trim(model->substr(0, model->find('\0')))) : chip->name;
    out.gpus.push_back({.name = name, .capability = chip->capability});
    out.source = "device tree";
    return;
  }
}

}  // namespace

std::string pci_product(std::string_view database, int device) {
  const std::size_t vendor = database.find("\n10de ");
  if (vendor == std::string_view::npos) return "";
  std::string_view rest = database.substr(vendor + 1);
  const std::string wanted = fmt::format("{:04x} ", device);
  for (rest.remove_prefix(std::min(rest.size(), rest.find('\n') + 1)); !rest.empty();) {
    const std::size_t end = std::min(rest.size(), rest.find('\n'));
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (!line.empty() && line[0] != '\t' && line[0] != '#') return "";  // the next vendor
    if (!line.starts_with('\t') || !line.substr(1).starts_with(wanted)) continue;
    const std::size_t open = line.find('['), close = line.rfind(']');
    const bool bracketed = open != std::string_view::npos && close != std::string_view::npos && open < close;
    return printable(bracketed ? line.substr(open + 1, close - open - 1)
                               : trim(line.substr(1 + wanted.size())));
  }
  return "";
}

KernelGpus gpus_of_kernel(const fs::path& root) {
  KernelGpus out;
  read_pci_devices(root, out);
  if (out.gpus.empty()) read_device_tree(root, out);
  return out;
}

}  // namespace lathe
