// SPDX-License-Identifier: MIT
#include "host/named_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "base/finding.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/cpu_name.h"
#include "hardware/gpu_name.h"
#include "hardware/instance.h"
#include "host/cpuinfo.h"

namespace lathe {
namespace {

Version version_of(const std::string& text, std::string_view what) {
  const auto version = Version::parse(text);
  if (!version) {
    throw Error({.what = fmt::format("\"{}\" is not a version of {}", printable(text), what),
                 .next = "written as in \"580.65.06\" or \"2.28\""});
  }
  return *version;
}

void note_reading(HostInfo& host, std::string_view name, std::string_view as, std::string_view how) {
  host.notes.add({.rule = "name-derived",
                  .severity = Severity::note,
                  .what = fmt::format("\"{}\" was taken for {}: {}", printable(trim(name)), as, how),
                  .fix = {}});
}

HostGpu named_gpu(HostInfo& host, const std::string& name) {
  const GpuReading reading = read_gpu_name(name);
  if (!reading.derived.empty())
    note_reading(host, name, fmt::format("{} ({})", reading.name, spell(reading.capability, Dialect::dotted)),
                 reading.derived);
  return {.name = reading.name, .capability = reading.capability};
}

// What the catalogue's instruction sets ask for, and what every x86 CPU that has them has besides: the AVX2
// ones all have x86-64-v3, the AVX-512 ones x86-64-v4 (gcc's models of the CPUs in cpus.toml,
// data/flags.toml).
std::vector<std::string> features_of(Machine machine, const std::vector<std::string>& isas) {
  std::vector<std::string> features;
  for (const std::string& name : isas) {
    const Isa* isa = catalog().find_isa(name);
    features.insert(features.end(), isa->cpuinfo.begin(), isa->cpuinfo.end());
  }
  const auto has = [&](std::string_view name) { return std::ranges::find(features, name) != features.end(); };
  const auto add = [&](std::initializer_list<const char*> names) {
    features.insert(features.end(), names.begin(), names.end());
  };
  if (machine == Machine::x86_64) add({"sse2"});
  if (has("avx512f")) add({"avx2"});
  if (has("avx2")) add({"avx"});
  if (has("avx")) add({"pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "cx16", "lahf_lm", "xsave"});
  if (has("avx2")) add({"bmi1", "bmi2", "f16c", "fma", "abm", "movbe"});
  if (has("avx512bw")) add({"avx512cd"});
  std::ranges::sort(features);
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

HostCpu cpu_of(const Cpu& cpu, const std::string& shown) {
  return {.machine = cpu.machine, .name = shown, .features = features_of(cpu.machine, cpu.isas)};
}

HostCpu named_cpu(HostInfo& host, const std::string& name) {
  const CpuReading reading = read_cpu_name(name);
  if (!reading.cpu) {
    return {.machine = reading.isa->machine,
            .name = fmt::format("a CPU with {}", reading.isa->title),
            .features = features_of(reading.isa->machine, {reading.isa->name})};
  }
  const std::string shown = printable(trim(name));
  if (!reading.derived.empty()) note_reading(host, name, reading.cpu->name, reading.derived);
  if (!reading.unread.empty())
    note_reading(host, name, reading.cpu->name, fmt::format("\"{}\" says nothing here", reading.unread));
  return cpu_of(*reading.cpu,
                reading.cpu->name == shown ? shown : fmt::format("{} ({})", shown, reading.cpu->name));
}

// The CPU of a cloud's machine that was named for its GPU.
bool take_cloud_cpu(HostInfo& host, const std::string& name) {
  const auto instance = read_instance_name(name);
  if (!instance || !instance->cpu) return false;
  host.cpu = cpu_of(*instance->cpu, fmt::format("{} ({})", printable(trim(name)), instance->cpu->name));
  if (!instance->cpu_is_one()) note_reading(host, name, instance->cpu->name, instance->cpu_text());
  host.driver = {.assumed = true};
  return true;
}

// The one CPU that this GPU is sold with, if it is soldered to one of another machine than `machine`.
const Cpu* soldered_cpu(const std::string& name, Machine machine) {
  const Gpu* gpu = read_gpu_name(name).gpu;
  if (!gpu) return nullptr;
  const Cpu* only = nullptr;
  for (const std::string& host_name : gpu->hosts) {
    const HostClass* host = catalog().find_host(host_name);
    if (host->machine == machine || host->cpus.size() != 1) return nullptr;
    only = catalog().find_cpu(host->cpus.front());
  }
  return only;
}

void change_gpus(HostInfo& host, const HostChanges& changes) {
  host.gpus.clear();
  host.gpu_source = "name";
  if (changes.gpus == std::vector<std::string>{"none"}) return;
  for (const std::string& name : changes.gpus) host.gpus.push_back(named_gpu(host, name));
  const bool cloud = changes.same_cpu() && take_cloud_cpu(host, changes.gpus.front());
  const Cpu* soldered =
      changes.same_cpu() && !cloud ? soldered_cpu(changes.gpus.front(), host.cpu.machine) : nullptr;
  if (soldered) {
    host.cpu = cpu_of(*soldered, soldered->name);
    host.driver = {.assumed = true};
  }
  if (!host.driver.version) host.driver.assumed = true;
  host.driver.libraries = true;
}

}  // namespace

void change_host(HostInfo& host, const HostChanges& changes) {
  if (!changes.cpu.empty()) host.cpu = named_cpu(host, changes.cpu);
  if (!changes.cpuinfo_file.empty())
    host.cpu = read_cpuinfo(changes.cpuinfo, changes.cpuinfo_file, host.notes);
  if (!changes.gpus.empty()) change_gpus(host, changes);
  if (!changes.driver.empty()) {
    const Version version = version_of(changes.driver, "a driver");
    host.driver = {.version = version, .cuda = cuda_of_driver(version)};
  }
  if (!changes.glibc.empty()) host.system.glibc = version_of(changes.glibc, "glibc");
}

HostInfo made_up_host(const HostChanges& changes) {
  HostInfo host;
  host.comment = made_up_comment;
  change_host(host, changes);
  return host;
}

}  // namespace lathe
