// SPDX-License-Identifier: MIT
#include "report/host.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "base/safe_format.h"
#include "hardware/catalog.h"
#include "host/named_host.h"
#include "report/finding_style.h"

namespace lathe {
namespace {

std::string gib(std::uint64_t bytes) {
  const double value = static_cast<double>(bytes) / static_cast<double>(std::uint64_t{1} << 30);
  return value < 10 ? fmt::format("{:.1f} GiB", value) : fmt::format("{:.0f} GiB", value);
}

std::string driver_line(const HostDriver& driver) {
  if (driver.assumed && !driver.version) return "new enough (assumed)";
  if (!driver.version) return "none loaded";
  std::string text = driver.version->text();
  text += driver.cuda ? fmt::format(", for CUDA {} and older", driver.cuda->text())
                      : ", older than any CUDA of the catalogue";
  return driver.libraries ? text : text + "; libcuda.so.1 is missing";
}

// The best instruction sets of the catalogue that it runs; several where each has its own use.
std::string isas_line(const HostCpu& cpu) {
  const auto usable = usable_isas(cpu);
  if (usable.empty()) return fmt::format("none of the catalogue's for {}", to_string(cpu.machine));
  std::vector<std::string> best;
  for (const Isa* isa : usable) {
    if (isa->level == usable.back()->level) best.push_back(isa->name);
  }
  return fmt::format("{}", fmt::join(best, ", "));
}

std::string system_line(const HostSystem& system) {
  std::vector<std::string> parts;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) parts.push_back(text);
  };
  add(system.name);
  add(system.kernel.empty() ? "" : "Linux " + system.kernel);
  add(system.glibc ? "glibc " + system.glibc->text() : "");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string limits_line(const HostSystem& system, const HostCpu& cpu) {
  std::string text = cpu.cores > 0 ? fmt::format("{} cores", cpu.cores) : "";
  if (system.cpu_limit) text += safe_format(" limited to {:.3g}", *system.cpu_limit);
  if (system.memory) text += safe_format("{}{} of memory", text.empty() ? "" : ", ", gib(*system.memory));
  const bool less = system.memory_limit && (!system.memory || *system.memory_limit < *system.memory);
  if (less) text += safe_format(" limited to {}", gib(*system.memory_limit));
  if (!system.container.empty()) text += safe_format("; in a container ({})", system.container);
  return text;
}

}  // namespace

std::string gpu_line(const HostGpu& gpu) {
  std::string text = gpu_text(gpu);
  if (gpu.memory) text += ", " + gib(*gpu.memory);
  if (!gpu.mig) return text;
  std::vector<std::string> slices;
  for (const MigSlice& slice : gpu.slices) {
    const std::size_t at = slice.name.find("MIG ");
    slices.push_back(at == std::string::npos ? slice.name : slice.name.substr(at + 4));
  }
  return fmt::format("{}, in MIG mode: {}", text,
                     slices.empty() ? "no slice" : fmt::format("{}", fmt::join(slices, ", ")));
}

std::string notes_text(const Findings& notes, const Terminal& terminal) {
  std::string text;
  for (const Finding& note : notes) {
    text += safe_format("{}: {}\n", terminal.styled(style_of(note.severity), to_string(note.severity)),
                        note.what);
    if (!note.fix.empty()) text += safe_format("  fix: {}\n", note.fix);
  }
  return text;
}

std::string host_text(const HostInfo& host, const Terminal& terminal, CpuFeatures features) {
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty())
      text += safe_format("{} {}\n", terminal.styled(Style::bold, fmt::format("{:8}", key)), value);
  };
  for (std::size_t i = 0; i < host.gpus.size(); ++i) line(fmt::format("gpu {}", i), gpu_line(host.gpus[i]));
  if (host.gpus.empty()) line("gpu", "none");
  if (!host.gpus.empty() || host.driver.version) line("driver", driver_line(host.driver));
  line("cpu",
       fmt::format("{} ({})", host.cpu.name.empty() ? "a CPU" : host.cpu.name, to_string(host.cpu.machine)));
  line("runs", isas_line(host.cpu));
  if (features == CpuFeatures::listed) line("features", fmt::format("{}", fmt::join(host.cpu.features, " ")));
  line("system", system_line(host.system));
  line("limits", limits_line(host.system, host.cpu));
  const std::string absent = host.comment == made_up_comment ? "" : "not here";  // nobody knows of those
  line("nix", host.system.nix.empty() ? absent : host.system.nix);
  line("flox", host.system.flox.empty() ? absent : host.system.flox);
  return text + notes_text(host.notes, terminal);
}

}  // namespace lathe
