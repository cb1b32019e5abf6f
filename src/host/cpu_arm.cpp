// SPDX-License-Identifier: MIT
// Bits: Linux arch/arm64/include/uapi/asm/hwcap.h; names as arch/arm64/kernel/cpuinfo.c prints them. Cores:
// MIDR_EL1 part numbers from Arm's Technical Reference Manuals and Linux arch/arm64/include/asm/cputype.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "host/cpu.h"
#include "host/host_info.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace lathe {
namespace {

constexpr const char* hwcap_names[] = {
    "fp",      "asimd", "evtstrm", "aes",   "pmull",    "sha1",   "sha2", "crc32",
    "atomics", "fphp",  "asimdhp", "cpuid", "asimdrdm", "jscvt",  "fcma", "lrcpc",
    "dcpop",   "sha3",  "sm3",     "sm4",   "asimddp",  "sha512", "sve",  "asimdfhm",
    "dit",     "uscat", "ilrcpc",  "flagm", "ssbs",     "sb",     "paca", "pacg"};

constexpr const char* hwcap2_names[] = {"dcpodp",  "sve2",   "sveaes", "svepmull", "svebitperm", "svesha3",
                                        "svesm4",  "flagm2", "frint",  "svei8mm",  "svef32mm",   "svef64mm",
                                        "svebf16", "i8mm",   "bf16",   "dgh",      "rng",        "bti",
                                        "mte",     "ecv",    "afp",    "rpres",    "mte3",       "sme"};

template <std::size_t count>
void add_names(std::vector<std::string>& names, const char* const (&table)[count], std::uint64_t word) {
  for (std::size_t bit = 0; bit < count; ++bit) {
    if (word >> bit & 1) names.emplace_back(table[bit]);
  }
}

struct Core {
  unsigned implementer, part;
  const char* name;
};

constexpr Core cores[] = {
    {0x41, 0xd07, "Cortex-A57"},    {0x41, 0xd08, "Cortex-A72"},  {0x41, 0xd0b, "Cortex-A76"},
    {0x41, 0xd0c, "Neoverse N1"},   {0x41, 0xd40, "Neoverse V1"}, {0x41, 0xd42, "Cortex-A78AE"},
    {0x41, 0xd49, "Neoverse N2"},   {0x41, 0xd4b, "Cortex-A78C"}, {0x41, 0xd4f, "Neoverse V2"},
    {0x41, 0xd83, "Neoverse V3AE"}, {0x41, 0xd84, "Neoverse V3"}, {0x41, 0xd85, "Cortex-X925"},
    {0x41, 0xd87, "Cortex-A725"},   {0x46, 0x001, "A64FX"},       {0x48, 0xd01, "Kunpeng 920"},
    {0x4e, 0x004, "Carmel"},        {0xc0, 0xac3, "AmpereOne"},   {0xc0, 0xac4, "AmpereOne"},
};

}  // namespace

std::vector<std::string> arm_features(std::uint64_t hwcap, std::uint64_t hwcap2) {
  std::vector<std::string> names;
  add_names(names, hwcap_names, hwcap);
  add_names(names, hwcap2_names, hwcap2);
  std::ranges::sort(names);
  return names;
}

std::string arm_core_name(unsigned implementer, unsigned part) {
  const auto* found = std::ranges::find_if(
      cores, [&](const Core& core) { return core.implementer == implementer && core.part == part; });
  return found == std::end(cores) ? "" : found->name;
}

namespace {

unsigned hex_after_colon(std::string_view line) {
  const std::string_view text = trim(line.substr(std::min(line.size(), line.find(':') + 1)));
  unsigned value = 0;
  if (text.starts_with("0x")) std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

std::string arm_core_names(std::string_view cpuinfo) {
  std::vector<std::pair<std::string, int>> counts;
  unsigned implementer = 0;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    if (line.starts_with("CPU implementer")) implementer = hex_after_colon(line);
    if (!line.starts_with("CPU part")) continue;
    const unsigned part = hex_after_colon(line);
    std::string name = arm_core_name(implementer, part);
    if (name.empty()) name = fmt::format("core {:#04x}/{:#05x}", implementer, part);
    const auto same = std::ranges::find(counts, name, &std::pair<std::string, int>::first);
    if (same == counts.end()) counts.emplace_back(name, 1);
    else ++same->second;
  }
  std::string text;
  for (const auto& [name, count] : counts)
    text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", count, name);
  return text;
}

bool is_cpu_feature(std::string_view name) {
  const auto in = [&](const auto& table) {
    return std::ranges::any_of(table, [&](const char* feature) { return name == feature; });
  };
  return is_x86_feature(name) || in(hwcap_names) || in(hwcap2_names);
}

#if defined(__aarch64__)
HostCpu detect_cpu(std::string_view cpuinfo) {
  HostCpu cpu;
  cpu.machine = Machine::aarch64;
  cpu.name = arm_core_names(cpuinfo);
  cpu.features = arm_features(::getauxval(AT_HWCAP), ::getauxval(AT_HWCAP2));
  take_off_unwanted(cpu);
  return cpu;
}
#endif

}  // namespace lathe
