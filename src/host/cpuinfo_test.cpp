// SPDX-License-Identifier: MIT
#include "host/cpuinfo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/finding.h"
#include "hardware/catalog.h"
#include "testing/test_paths.h"
#include "host/cpu.h"
#include "host/host_json.h"
#include "host/named_host.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string pasted(const char* name) {
  return read_file(fs::path(testing::source_folder) / "fuzz/corpus/cpuinfo" / name);
}

HostCpu read(const std::string& text) {
  Findings notes;
  return read_cpuinfo(text, "pasted", notes);
}

std::string best(const HostCpu& cpu) {
  const auto usable = usable_isas(cpu);
  return usable.empty() ? "" : usable.back()->name;
}

std::string refusal(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.parts().what;
  }
  return "";
}

TEST(Cpuinfo, IsReadFromEveryWayToPasteIt) {
  for (const char* name : {"cloud-cpuinfo", "lscpu", "lscpu-json", "wrapped"}) {
    EXPECT_EQ(best(read(pasted(name))), "avx512vnni") << name;
  }
  EXPECT_EQ(read(pasted("cloud-cpuinfo")).cores, 2u);
  EXPECT_EQ(read(pasted("lscpu")).cores, 8u);
  EXPECT_EQ(read(pasted("lscpu-json")).name, "Intel(R) Xeon(R) Processor");
}

TEST(Cpuinfo, NamesArmCoresByTheirNumbers) {
  const HostCpu cpu = read(pasted("arm"));
  EXPECT_EQ(cpu.machine, Machine::aarch64);
  EXPECT_EQ(cpu.name, "2 x Neoverse V2");
  EXPECT_EQ(best(cpu), "armv9");
}

TEST(Cpuinfo, CountsFlagsWhateverTheirLanguage) {
  std::string german = pasted("lscpu");
  german.replace(german.find("Flags:"), 6, "Markierungen:");
  EXPECT_EQ(best(read(german)), "avx512vnni");
}

TEST(Cpuinfo, CountsWhatAllProcessorsHave) {
  Findings notes;
  const HostCpu cpu =
      read_cpuinfo("flags: fpu cx8 lm sse2 avx avx2 fma f16c\nflags: fpu cx8 lm sse2 avx\n", "pasted", notes);
  EXPECT_EQ(best(cpu), "avx");
  EXPECT_EQ(notes.begin()->rule, "cpuinfo-unlike");
}

TEST(Cpuinfo, ReadsWhatSysctlPrintsOnAMac) {
  const HostCpu intel = read(
      "hw.ncpu: 8\nmachdep.cpu.brand_string: Intel(R) Core(TM) i7-7700HQ CPU @ 2.80GHz\n"
      "machdep.cpu.features: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SSE SSE2 SS SSE3 PCLMULQDQ SSSE3 FMA "
      "CX16 SSE4.1 SSE4.2 x2APIC MOVBE "
      "POPCNT AES XSAVE OSXSAVE AVX1.0 RDRAND F16C\nmachdep.cpu.leaf7_features: RDWRFSGS BMI1 HLE AVX2 SMEP "
      "BMI2 ERMS INVPCID\n"
      "machdep.cpu.extfeatures: SYSCALL XD 1GBPAGE EM64T LAHF LZCNT PREFETCHW RDTSCP TSCI\n");
  EXPECT_EQ(best(intel), "avx2");
  EXPECT_EQ(intel.name, "Intel(R) Core(TM) i7-7700HQ CPU @ 2.80GHz");
  EXPECT_EQ(intel.cores, 8U);
  EXPECT_EQ(best(read("machdep.cpu.brand_string: Intel(R) Xeon(R) W-3245M CPU @ 3.20GHz\nhw.optional.x86_64: "
                      "1\nhw.optional.avx1_0: 1\n"
                      "hw.optional.avx2_0: 1\nhw.optional.fma: 1\nhw.optional.f16c: 1\nhw.optional.avx512f: "
                      "1\nhw.optional.avx512dq: 1\n"
                      "hw.optional.avx512bw: 1\nhw.optional.avx512vl: 1\nhw.optional.avx512vbmi: 0\n")),
            "avx512");
  const HostCpu arm = read(
      "machdep.cpu.brand_string: Apple M2 Pro\nhw.optional.arm64: 1\nhw.optional.arm.FEAT_LSE: "
      "1\nhw.optional.arm.FEAT_CRC32: 1\n"
      "hw.optional.arm.FEAT_RDM: 1\nhw.optional.arm.FEAT_FP16: 1\nhw.optional.arm.FEAT_DotProd: "
      "1\nhw.optional.arm.FEAT_LRCPC: 1\n"
      "hw.optional.arm.FEAT_DPB: 1\nhw.optional.arm.FEAT_SME: 0\n");
  EXPECT_EQ(arm.machine, Machine::aarch64);
  EXPECT_EQ(best(arm), "armv8_2");
  EXPECT_EQ(arm.name, "Apple M2 Pro");
  EXPECT_EQ(refusal("hw.optional.avx2_0: 0\n"), "there are no CPU flags in this text");
}

TEST(Cpuinfo, RefusesWhatIsNoMachine) {
  EXPECT_EQ(refusal(""), "there are no CPU flags in this text");
  EXPECT_EQ(refusal("model name: Intel(R) Xeon(R)\n"), "there are no CPU flags in this text");
  EXPECT_EQ(refusal("flags: fpu cx8 sse2"), "the flags are of a 32-bit machine, or cut off");
  EXPECT_EQ(refusal("flags: red green"), "these are no CPU's flags");
  EXPECT_EQ(refusal(pasted("mixed")), "the flags are of two kinds of machines");
  EXPECT_EQ(refusal(std::string(std::size_t{5} << 20, ' ')),
            "this is too long for a machine's /proc/cpuinfo");
}

TEST(Cpuinfo, SaysWhenFlagsAndNameDoNotFit) {
  Findings notes;
  read_cpuinfo(
      "model name: 13th Gen Intel(R) Core(TM) i9-13900K\nflags: fpu cx8 lm sse2 avx avx2 fma f16c avx512f "
      "avx512dq "
      "avx512bw avx512vl\n",
      "pasted", notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes.begin()->rule, "cpuinfo-name");
}

// Every name that `detect` prints is taken back: it gives what its machine has, or asks for flags where it
// says nothing.
TEST(Machines, NamesThatDetectPrintsAreTakenBack) {
  std::size_t cpus = 0, gpus = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(testing::source_folder) / "tests/machines")) {
    if (entry.path().extension() != ".json") continue;
    const HostInfo host = read_host(read_file(entry.path()), entry.path().string());
    for (const HostGpu& gpu : host.gpus) {
      if (!gpu.capability) continue;
      EXPECT_EQ(made_up_host({.gpus = {gpu_text(gpu)}, .cpu = "avx2"}).gpus.front().capability,
                gpu.capability)
          << gpu.name;
      for (const MigSlice& slice : gpu.slices) {
        EXPECT_EQ(made_up_host({.gpus = {slice.name}, .cpu = "avx2"}).gpus.front().capability, gpu.capability)
            << slice.name;
      }
      ++gpus;
    }
    if (host.cpu.name.empty()) continue;
    try {
      const HostCpu cpu = made_up_host({.gpus = {"none"}, .cpu = host.cpu.name}).cpu;
      EXPECT_EQ(cpu.machine, host.cpu.machine) << host.cpu.name;
      for (const Isa* isa : usable_isas(host.cpu)) {
        EXPECT_TRUE(missing_features(cpu, *isa).empty()) << entry.path() << isa->name;
      }
    } catch (const Error& error) {
      EXPECT_NE(error.parts().next.find("--cpuinfo FILE"), std::string::npos) << host.cpu.name;
      EXPECT_TRUE(host.cpu.name.starts_with("Intel(R) Xeon(R) ")) << host.cpu.name;
    }
    ++cpus;
  }
  EXPECT_GE(cpus, 50u);
  EXPECT_GE(gpus, 40u);
}

}  // namespace
}  // namespace lathe
