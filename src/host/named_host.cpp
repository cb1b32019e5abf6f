// SPDX-License-Identifier: MIT
#include "host/named_host.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

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

HostGpu named_gpu(const std::string& name) {
  if (const Gpu* gpu = catalog().find_gpu(name)) return {.name = gpu->name, .capability = gpu->capability};
  if (const auto spelled = parse_capability(name)) {
    return {.name = "a GPU", .capability = spelled->capability.portable()};
  }
  std::vector<std::string> names;
  for (const Gpu& gpu : catalog().gpus) {
    names.push_back(gpu.name);
    names.insert(names.end(), gpu.aliases.begin(), gpu.aliases.end());
  }
  throw Error({.what = fmt::format("\"{}\" is no GPU of the catalogue and no compute capability", printable(name)),
               .next = did_you_mean_text(name, names, "see: torchlathe catalog gpus; or give its capability: --gpu 12.0")});
}

// What the catalogue's instruction sets ask for, and what every x86 CPU that has them has besides: the AVX2 ones all have
// x86-64-v3, the AVX-512 ones x86-64-v4 (gcc's models of the CPUs in cpus.toml, data/flags.toml).
std::vector<std::string> features_of(Machine machine, const std::vector<std::string>& isas) {
  std::vector<std::string> features;
  for (const std::string& name : isas) {
    const Isa* isa = catalog().find_isa(name);
    features.insert(features.end(), isa->cpuinfo.begin(), isa->cpuinfo.end());
  }
  const auto has = [&](std::string_view name) { return std::ranges::find(features, name) != features.end(); };
  const auto add = [&](std::initializer_list<const char*> names) { features.insert(features.end(), names.begin(), names.end()); };
  if (machine == Machine::x86_64) add({"sse2"});
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

HostCpu named_cpu(const std::string& name) {
  if (const Cpu* cpu = catalog().find_cpu(name)) {
    return cpu_of(*cpu, cpu->name == name ? name : fmt::format("{} ({})", name, cpu->name));
  }
  if (const Isa* isa = catalog().find_isa(name)) {
    return {.machine = isa->machine,
            .name = fmt::format("a CPU with {}", isa->title),
            .features = features_of(isa->machine, {isa->name})};
  }
  std::vector<std::string> names = catalog().isa_names();
  for (const Cpu& cpu : catalog().cpus) {
    names.push_back(cpu.name);
    names.insert(names.end(), cpu.aliases.begin(), cpu.aliases.end());
  }
  throw Error({.what = fmt::format("\"{}\" is no CPU and no instruction set of the catalogue", printable(name)),
               .next = did_you_mean_text(name, names, "see: torchlathe catalog cpus")});
}

// The one CPU that this GPU is sold with, if it is soldered to one of another machine than `machine`.
const Cpu* soldered_cpu(const std::string& name, Machine machine) {
  const Gpu* gpu = catalog().find_gpu(name);
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
  for (const std::string& name : changes.gpus) host.gpus.push_back(named_gpu(name));
  const Cpu* soldered = changes.cpu.empty() ? soldered_cpu(changes.gpus.front(), host.cpu.machine) : nullptr;
  if (soldered) {
    host.cpu = cpu_of(*soldered, soldered->name);
    host.driver = {.assumed = true};
  }
  if (!host.driver.version) host.driver.assumed = true;
  host.driver.libraries = true;
}

}  // namespace

void change_host(HostInfo& host, const HostChanges& changes) {
  if (!changes.cpu.empty()) host.cpu = named_cpu(changes.cpu);
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
