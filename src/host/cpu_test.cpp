// SPDX-License-Identifier: MIT
#include "host/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "hardware/catalog.h"
#include "os/small_file.h"

namespace lathe {
namespace {

constexpr std::uint64_t avx_state = 0x7, avx512_state = 0xE7, tile_state = 0x600E7;

// A CPU that answers every feature leaf with all bits set.
CpuidAnswer everything(std::uint32_t leaf, std::uint32_t subleaf) {
  if (leaf == 0) return {0x20, 0, 0, 0};
  if (leaf == 0x80000000) return {0x80000008, 0, 0, 0};
  if (leaf == 7 && subleaf == 0) return {1, ~0u, ~0u, ~0u};
  return {~0u, ~0u, ~0u, ~0u};
}

HostCpu cpu_with(std::uint64_t xcr0, bool amx = false, const Cpuid& cpuid = everything) {
  HostCpu cpu;
  read_x86(cpu, cpuid, {.xcr0 = xcr0, .amx_granted = amx});
  return cpu;
}

bool withheld(const HostCpu& cpu, const char* name) {
  return std::ranges::find(cpu.withheld, name) != cpu.withheld.end();
}

std::string best(const HostCpu& cpu) {
  const auto isas = usable_isas(cpu);
  return isas.empty() ? "none" : isas.back()->name;
}

TEST(X86, WhatTheKernelDoesNotSaveIsNotThere) {
  EXPECT_EQ(best(cpu_with(0)), "none");
  EXPECT_TRUE(cpu_with(0).has("sse4_2"));
  EXPECT_EQ(best(cpu_with(avx_state)), "avx2");
  EXPECT_TRUE(withheld(cpu_with(avx_state), "avx512f"));
  EXPECT_EQ(best(cpu_with(avx512_state)), "avx512bf16");
  EXPECT_FALSE(cpu_with(0xE6 & ~0x80u).has("avx512f")) << "the upper sixteen registers are not saved";
}

TEST(X86, FeaturesThatAreNotWantedAreTakenOffByName) {
  HostCpu cpu = cpu_with(avx512_state);
  take_off_features(cpu, "avx512*");
  EXPECT_EQ(best(cpu), "avx2");
  take_off_features(cpu, "avx2, fma");
  EXPECT_EQ(best(cpu), "avx");
  take_off_features(cpu, "no_such_feature,");
  EXPECT_EQ(best(cpu), "avx");
  take_off_features(cpu, "*");
  EXPECT_TRUE(cpu.features.empty());
}

TEST(X86, TilesNeedTheStateAndTheKernelsPermission) {
  EXPECT_FALSE(cpu_with(avx512_state, true).has("amx_tile"));
  EXPECT_FALSE(cpu_with(tile_state, false).has("amx_tile"));
  EXPECT_TRUE(cpu_with(tile_state, true).has("amx_tile"));
}

TEST(X86, LeavesAboveTheHighestAreNotRead) {
  const auto old = [](std::uint32_t leaf, std::uint32_t subleaf) -> CpuidAnswer {
    if (leaf == 0) return {6, 0, 0, 0};
    if (leaf == 0x80000000) return {0x80000001, 0, 0, 0};
    return everything(leaf, subleaf);
  };
  const HostCpu cpu = cpu_with(avx512_state, false, old);
  EXPECT_TRUE(cpu.has("avx"));
  EXPECT_FALSE(cpu.has("avx2"));
  EXPECT_EQ(cpu.name, "");
}

TEST(Arm, NamesFollowTheBitsOfTheKernel) {
  EXPECT_EQ(arm_features(1u << 8 | 1u << 20, 1u << 1),
            (std::vector<std::string>{"asimddp", "atomics", "sve2"}));
  EXPECT_EQ(arm_features(1u << 22, 0), std::vector<std::string>{"sve"});
  EXPECT_EQ(arm_core_name(0x41, 0xd4f), "Neoverse V2");
  EXPECT_EQ(arm_core_name(0x41, 0xfff), "");
}

TEST(Arm, Graviton3HasNoArmv9) {
  HostCpu cpu;
  cpu.machine = Machine::aarch64;
  cpu.features = {"asimd", "asimddp", "asimdhp", "atomics", "bf16", "fphp", "i8mm", "sve"};
  EXPECT_EQ(best(cpu), "armv8_2");
  EXPECT_EQ(missing_features(cpu, *catalog().find_isa("armv9")), std::vector<std::string>{"sve2"});
  EXPECT_EQ(missing_features(cpu, *catalog().find_isa("avx2")), std::vector<std::string>{"x86_64"});
}

#if defined(__x86_64__)
// The kernel's own view of this machine. It drops a feature whose state it does not save, as we do.
TEST(X86, AgreesWithTheKernelOnThisMachine) {
  ::unsetenv("TORCHLATHE_CPU_WITHOUT");
  const auto text = small_file("/proc/cpuinfo");
  ASSERT_TRUE(text.has_value());
  const std::size_t at = text->find("\nflags");
  ASSERT_NE(at, std::string::npos);
  const std::string line = text->substr(at + 1, text->find('\n', at + 1) - at - 1);
  const std::string names = line.substr(line.find(':') + 2);
  std::set<std::string> flags;
  for (const std::string_view word : split(names, ' ')) flags.emplace(word);
  const HostCpu cpu = detect_cpu(*text);
  EXPECT_FALSE(cpu.features.empty());
  for (const std::string& feature : cpu.features) EXPECT_TRUE(flags.contains(feature)) << feature;
  for (const std::string& feature : cpu.withheld) {
    // tiles are granted process by process
    EXPECT_TRUE(!flags.contains(feature) || feature.starts_with("amx")) << feature;
  }
  for (const Isa& isa : catalog().isas) {
    for (const std::string& feature : isa.cpuinfo) {
      EXPECT_TRUE(!flags.contains(feature) || cpu.has(feature)) << feature;
    }
  }
}
#endif

}  // namespace
}  // namespace lathe
