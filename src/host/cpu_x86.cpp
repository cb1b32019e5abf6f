// SPDX-License-Identifier: MIT
// CPUID and XCR0. Bits: Intel SDM volume 2A (CPUID) and volume 1 chapter 13 (XSAVE state components); AMD
// APM volume 3.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "host/cpu.h"
#include "host/host_info.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lathe {
namespace {

// Registers of a context switch: a feature that needs more than the kernel saves must not be used.
enum State : std::uint64_t {
  none = 0,
  ymm = 0x6,     // SSE and AVX
  zmm = 0xE6,    // and opmask, upper halves of ZMM0-15, ZMM16-31
  tmm = 0x60000  // tile configuration and tile data
};

enum Register { eax, ebx, ecx, edx };

struct Bit {
  const char* name;  // as the kernel spells it in /proc/cpuinfo
  std::uint32_t leaf, subleaf;
  Register where;
  int bit;
  State needs;
};

constexpr Bit bits[] = {
    {"sse2", 1, 0, edx, 26, none},
    {"pni", 1, 0, ecx, 0, none},  // SSE3
    {"pclmulqdq", 1, 0, ecx, 1, none},
    {"ssse3", 1, 0, ecx, 9, none},
    {"fma", 1, 0, ecx, 12, ymm},
    {"cx16", 1, 0, ecx, 13, none},
    {"sse4_1", 1, 0, ecx, 19, none},
    {"sse4_2", 1, 0, ecx, 20, none},
    {"movbe", 1, 0, ecx, 22, none},
    {"popcnt", 1, 0, ecx, 23, none},
    {"aes", 1, 0, ecx, 25, none},
    {"xsave", 1, 0, ecx, 26, none},
    {"avx", 1, 0, ecx, 28, ymm},
    {"f16c", 1, 0, ecx, 29, ymm},
    {"bmi1", 7, 0, ebx, 3, none},
    {"avx2", 7, 0, ebx, 5, ymm},
    {"bmi2", 7, 0, ebx, 8, none},
    {"avx512f", 7, 0, ebx, 16, zmm},
    {"avx512dq", 7, 0, ebx, 17, zmm},
    {"avx512ifma", 7, 0, ebx, 21, zmm},
    {"avx512cd", 7, 0, ebx, 28, zmm},
    {"sha_ni", 7, 0, ebx, 29, none},
    {"avx512bw", 7, 0, ebx, 30, zmm},
    {"avx512vl", 7, 0, ebx, 31, zmm},
    {"avx512vbmi", 7, 0, ecx, 1, zmm},
    {"avx512_vbmi2", 7, 0, ecx, 6, zmm},
    {"gfni", 7, 0, ecx, 8, none},
    {"vaes", 7, 0, ecx, 9, ymm},
    {"vpclmulqdq", 7, 0, ecx, 10, ymm},
    {"avx512_vnni", 7, 0, ecx, 11, zmm},
    {"avx512_bitalg", 7, 0, ecx, 12, zmm},
    {"avx512_vpopcntdq", 7, 0, ecx, 14, zmm},
    {"amx_bf16", 7, 0, edx, 22, tmm},
    {"avx512_fp16", 7, 0, edx, 23, zmm},
    {"amx_tile", 7, 0, edx, 24, tmm},
    {"amx_int8", 7, 0, edx, 25, tmm},
    {"avx_vnni", 7, 1, eax, 4, ymm},
    {"avx512_bf16", 7, 1, eax, 5, zmm},
    {"amx_fp16", 7, 1, eax, 21, tmm},
    {"lahf_lm", 0x80000001, 0, ecx, 0, none},
    {"abm", 0x80000001, 0, ecx, 5, none},  // LZCNT
    {"sse4a", 0x80000001, 0, ecx, 6, none},
    {"fma4", 0x80000001, 0, ecx, 16, ymm},
};

// Asks each leaf once: in a virtual machine every CPUID instruction stops the guest, for up to some ten
// microseconds.
class Leaves {
 public:
  explicit Leaves(const Cpuid& cpuid) : cpuid_(cpuid) {}

  // A leaf above the highest one that the CPU has answers with another leaf's data on Intel: that one is
  // first looked up.
  CpuidAnswer at(std::uint32_t leaf, std::uint32_t subleaf) {
    if (ask(leaf & 0x80000000, 0)[eax] < leaf) return {};
    if (leaf == 7 && subleaf > 0 && ask(7, 0)[eax] < subleaf) return {};
    return ask(leaf, subleaf);
  }

 private:
  CpuidAnswer ask(std::uint32_t leaf, std::uint32_t subleaf) {
    const auto [entry, fresh] = known_.try_emplace({leaf, subleaf});
    if (fresh) entry->second = cpuid_(leaf, subleaf);
    return entry->second;
  }

  const Cpuid& cpuid_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidAnswer> known_;
};

std::string brand(Leaves& leaves) {
  std::string name;
  for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    for (const std::uint32_t word : leaves.at(leaf, 0)) {
      for (int shift = 0; shift < 32; shift += 8) name += static_cast<char>((word >> shift) & 0xFF);
    }
  }
  name.resize(std::min(name.size(), name.find('\0')));
  return printable(trim(name));
}

bool saved(const X86State& state, State needs) {
  return (state.xcr0 & needs) == needs && (needs != tmm || state.amx_granted);
}

}  // namespace

bool is_x86_feature(std::string_view name) {
  return std::ranges::any_of(bits, [&](const Bit& bit) { return name == bit.name; });
}

void read_x86(HostCpu& cpu, const Cpuid& cpuid, const X86State& state) {
  cpu.machine = Machine::x86_64;
  Leaves leaves(cpuid);
  cpu.name = brand(leaves);
  for (const Bit& bit : bits) {
    if ((leaves.at(bit.leaf, bit.subleaf)[bit.where] >> bit.bit & 1) == 0) continue;
    (saved(state, bit.needs) ? cpu.features : cpu.withheld).emplace_back(bit.name);
  }
  std::ranges::sort(cpu.features);
  std::ranges::sort(cpu.withheld);
}

#if defined(__x86_64__)
namespace {

CpuidAnswer this_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidAnswer a{};
  __cpuid_count(leaf, subleaf, a[eax], a[ebx], a[ecx], a[edx]);
  return a;
}

std::uint64_t this_xcr0() {
  constexpr std::uint32_t osxsave = 1u << 27;
  if ((this_cpuid(1, 0)[ecx] & osxsave) == 0) return 0;
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

// Since Linux 5.16 a process must ask before it touches a tile register (Documentation/arch/x86/xstate.rst).
bool ask_for_amx() {
  constexpr int request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int tile_data = 18;               // XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

HostCpu detect_cpu(std::string_view) {
  HostCpu cpu;
  X86State state{.xcr0 = this_xcr0()};
  if ((state.xcr0 & tmm) == tmm) state.amx_granted = ask_for_amx();
  read_x86(cpu, this_cpuid, state);
  take_off_unwanted(cpu);
  return cpu;
}
#endif

}  // namespace lathe
