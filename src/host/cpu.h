// SPDX-License-Identifier: MIT
// Which instructions may programs use here? x86: what CPUID says the CPU has *and* XCR0 says the kernel
// saves. Arm: what the kernel says in HWCAP. Never by a model's name. The tables are pure, so that any
// machine's answers can be tested anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host/host_info.h"

namespace lathe {

// What the CPUID instruction answers: EAX, EBX, ECX, EDX.
using CpuidAnswer = std::array<std::uint32_t, 4>;
using Cpuid = std::function<CpuidAnswer(std::uint32_t leaf, std::uint32_t subleaf)>;

struct X86State {
  std::uint64_t xcr0 = 0;    // state components that the kernel saves; 0 without OSXSAVE
  bool amx_granted = false;  // the kernel lets this process use the tile registers
};

// Fills features, withheld and name. Features are those of the table in cpu_x86.cpp: all that variants,
// x86-64 levels and wheel variants ask for.
void read_x86(HostCpu& cpu, const Cpuid& cpuid, const X86State& state);

// The names of AT_HWCAP's and AT_HWCAP2's bits on arm64, as /proc/cpuinfo has them.
std::vector<std::string> arm_features(std::uint64_t hwcap, std::uint64_t hwcap2);

// "Neoverse V2" for the implementer and part numbers of MIDR_EL1; "" when they are not in the table.
std::string arm_core_name(unsigned implementer, unsigned part);

// "10 x Cortex-X925, 10 x Cortex-A725": the cores that a text of /proc/cpuinfo has, "" without any.
std::string arm_core_names(std::string_view cpuinfo);

// Whether variants, levels or wheel variants ask for a feature of this name (/proc/cpuinfo's), on any
// machine.
bool is_cpu_feature(std::string_view name);
bool is_x86_feature(std::string_view name);

// Takes the features off that `globs` names, separated by commas: "avx512*,avx2". What
// TORCHLATHE_CPU_WITHOUT says is taken off every CPU that is looked at, here and on builders: features that
// are there and shall not be used.
void take_off_features(HostCpu& cpu, std::string_view globs);
void take_off_unwanted(HostCpu& cpu);

// The machine that this runs on. `cpuinfo`: text of /proc/cpuinfo, from which Arm's names come.
HostCpu detect_cpu(std::string_view cpuinfo);

}  // namespace lathe
