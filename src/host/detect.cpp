// SPDX-License-Identifier: MIT
#include "host/detect.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "base/finding.h"
#include "base/parallel.h"
#include "host/cpu.h"
#include "host/notes.h"
#include "host/pci.h"
#include "os/small_file.h"
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
  const bool mismatch =
      report.library && host.driver.version && report.driver && *report.driver != *host.driver.version;
  std::string what = report.what;
  if (mismatch) {
    what += fmt::format("; the library is of driver {}, the kernel module of {}", report.driver->text(),
                        host.driver.version->text());
  }
  host.notes.add(
      {.rule = "nvml",
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

}  // namespace

HostInfo detect_host(const DetectOptions& options) {
  HostInfo host;
  host.cpu = detect_cpu(small_file(options.root / "proc/cpuinfo").value_or(""));
  host.cpu.cores = usable_cores();
  host.system = detect_system(options.root, environment);
  if (options.gpus) {
    detect_gpus(host, options);
  } else {
    host.driver.version = loaded_driver(options.root);
    if (host.driver.version) host.driver.cuda = cuda_of_driver(*host.driver.version);
  }
  note_oddities(host);
  return host;
}

}  // namespace lathe
