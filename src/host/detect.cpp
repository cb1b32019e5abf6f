// SPDX-License-Identifier: MIT
#include "host/detect.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/parallel.h"
#include "host/cpu.h"
#include "host/pci.h"
#include "host/small_file.h"
#include "host/system.h"

namespace lathe {
namespace {

const char* environment(const char* name) { return std::getenv(name); }


void take_nvml(HostInfo& host, NvmlReport report) {
  host.gpus = std::move(report.gpus);
  host.gpu_source = "nvml";
  host.driver.cuda = report.cuda;
  if (!host.driver.version) host.driver.version = report.driver;
  host.notes.add(report.notes);
}

// NVML exists and is of no use: the GPUs come from the kernel, and the user hears why.
void note_failure(HostInfo& host, const NvmlReport& report) {
  const bool mismatch = report.library && host.driver.version && report.driver && *report.driver != *host.driver.version;
  std::string what = report.what;
  if (mismatch) {
    what += fmt::format("; the library is of driver {}, the kernel module of {}", report.driver->text(),
                        host.driver.version->text());
  }
  host.notes.add({.rule = "nvml",
                  .severity = Severity::warning,
                  .what = what,
                  .fix = "restart the machine so that kernel module and libraries are of one driver; nvidia-smi should "
                         "work afterwards"});
}

// Two releases of the driver side by side that still talk to each other: CUDA programs may fail to start.
void note_two_drivers(HostInfo& host, const NvmlReport& report) {
  if (!report.driver || !host.driver.version || *report.driver == *host.driver.version) return;
  host.notes.add({.rule = "driver-mismatch",
                  .severity = Severity::error,
                  .what = fmt::format("the loaded kernel module is of driver {}, NVIDIA's libraries say {}",
                                      host.driver.version->text(), report.driver->text()),
                  .fix = "restart the machine, so that the new kernel module is loaded"});
}

void take_kernel(HostInfo& host, KernelGpus found) {
  host.gpus = std::move(found.gpus);
  host.gpu_source = std::move(found.source);
  host.notes.add(found.notes);
}

void detect_gpus(HostInfo& host, const DetectOptions& options) {
  host.driver.version = loaded_driver(options.root);
  NvmlReport report = ask_nvml(options.nvml);
  host.driver.libraries = report.libcuda;
  if (report.outcome == NvmlReport::Outcome::answered) {
    note_two_drivers(host, report);
    take_nvml(host, std::move(report));
  } else {
    take_kernel(host, gpus_of_kernel(options.root));
    const bool expected = report.outcome == NvmlReport::Outcome::no_library;
    if (!expected && (!host.gpus.empty() || host.driver.version)) note_failure(host, report);
  }
  if (host.driver.version && !host.driver.cuda) host.driver.cuda = cuda_of_driver(*host.driver.version);
}

void note_gpus(HostInfo& host) {
  for (const HostGpu& gpu : host.gpus) {
    if (gpu.mig && gpu.slices.empty()) {
      host.notes.add({.rule = "mig-empty",
                      .what = fmt::format("{} is in MIG mode and has no slice: CUDA sees no device", gpu_text(gpu)),
                      .fix = "make one with nvidia-smi mig -cgi, or turn MIG mode off"});
    }
    if (gpu.capability && !catalog().find(*gpu.capability)) {
      host.notes.add({.rule = "gpu-new",
                      .severity = Severity::note,
                      .what = fmt::format("{} is newer than the catalogue: judged by its capability alone", gpu_text(gpu)),
                      .fix = "update torchlathe"});
    }
  }
  if (!host.gpus.empty() && host.driver.version && !host.driver.libraries) {
    host.notes.add({.rule = "no-libcuda",
                    .what = "the driver is loaded, but its library libcuda.so.1 is not here: CUDA sees no device",
                    .fix = host.system.container.empty() ? "install the driver's libraries"
                                                         : "give the container the GPUs, as `docker run --gpus all` does"});
  }
  if (!host.gpus.empty() && !host.driver.version) {
    host.notes.add({.rule = "no-driver",
                    .what = fmt::format("{}: no NVIDIA driver is loaded", gpu_text(host.gpus.front())),
                    .fix = "install NVIDIA's driver, or give the container access to it"});
  }
}

void note_cpu(HostInfo& host) {
  if (host.cpu.withheld.empty()) return;
  std::string names;
  for (const std::string& name : host.cpu.withheld) names += (names.empty() ? "" : ", ") + name;
  host.notes.add({.rule = "cpu-withheld",
                  .severity = Severity::note,
                  .what = fmt::format("the CPU has {}, but the kernel or hypervisor does not save their registers", names),
                  .fix = "builds with them would stop with an illegal instruction; nothing to mend inside this machine"});
}

}  // namespace

HostInfo detect_host(const DetectOptions& options) {
  HostInfo host;
  host.cpu = detect_cpu(small_file(options.root / "proc/cpuinfo").value_or(""));
  host.cpu.cores = usable_cores();
  host.system = detect_system(options.root, environment);
  if (options.gpus) {
    detect_gpus(host, options);
    note_gpus(host);
  } else {
    host.driver.version = loaded_driver(options.root);
    if (host.driver.version) host.driver.cuda = cuda_of_driver(*host.driver.version);
  }
  note_cpu(host);
  return host;
}

}  // namespace lathe
