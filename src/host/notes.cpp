// SPDX-License-Identifier: MIT
#include "host/notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/finding.h"

namespace lathe {
namespace {

void add(HostInfo& host, Finding note) {
  const auto same = [&](const Finding& other) { return other.what == note.what; };
  if (std::none_of(host.notes.begin(), host.notes.end(), same)) host.notes.add(std::move(note));
}

void note_gpus(HostInfo& host) {
  for (const HostGpu& gpu : host.gpus) {
    if (gpu.mig && gpu.slices.empty()) {
      add(host,
          {.rule = "mig-empty",
           .what = fmt::format("{} is in MIG mode and has no slice: CUDA sees no device", gpu_text(gpu)),
           .fix = "make one with nvidia-smi mig -cgi, or turn MIG mode off"});
    }
    if (gpu.capability && !catalog().find(*gpu.capability)) {
      const bool old = *gpu.capability < catalog().capabilities.front().capability;
      add(host, {.rule = old ? "gpu-old" : "gpu-new",
                 .severity = Severity::note,
                 .what = old ? fmt::format("{} is older than any GPU that today's toolkits compile for",
                                           gpu_text(gpu))
                             : fmt::format("{} is newer than the catalogue: judged by its capability alone",
                                           gpu_text(gpu)),
                 .fix = old ? "" : "update torchlathe"});
    }
  }
  if (!host.gpus.empty() && host.driver.version && !host.driver.libraries) {
    add(host, {.rule = "no-libcuda",
               .what = "the driver is loaded, but its library libcuda.so.1 is not here: CUDA sees no device",
               .fix = host.system.container.empty()
                          ? "install the driver's libraries"
                          : "give the container the GPUs, as `docker run --gpus all` does"});
  }
  if (!host.gpus.empty() && !host.driver.version && !host.driver.assumed) {
    add(host, {.rule = "no-driver",
               .what = fmt::format("{}: no NVIDIA driver is loaded", gpu_text(host.gpus.front())),
               .fix = "install NVIDIA's driver, or give the container access to it"});
  }
}

void note_cpu(HostInfo& host) {
  if (host.cpu.withheld.empty()) return;
  add(host, {.rule = "cpu-withheld",
             .severity = Severity::note,
             .what = fmt::format("the CPU has {}, but the kernel or hypervisor does not save their registers",
                                 fmt::join(host.cpu.withheld, ", ")),
             .fix = "choose builds without them, others stop with an illegal instruction; nothing inside "
                    "this machine can change that"});
}

}  // namespace

void note_oddities(HostInfo& host) {
  note_gpus(host);
  note_cpu(host);
}

}  // namespace lathe
