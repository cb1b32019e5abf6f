// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "testing/test_paths.h"
#include "hardware/cpu_name.h"
#include "hardware/gpu_name.h"
#include "hardware/instance.h"
#include "hardware/product_name.h"

namespace lathe {
namespace {

std::string best_isa(const std::string& name) {
  const CpuReading reading = read_cpu_name(name);
  if (reading.isa) return reading.isa->name;
  const auto best = catalog().best_isas(*reading.cpu);
  return best.empty() ? std::string(to_string(reading.cpu->machine)) : best.back()->name;
}

std::string capability(const std::string& name) {
  return spell(read_gpu_name(name).capability, Dialect::dotted);
}

// The lines NAME|EXPECTED of tests/names.
template <typename Read>
void expect_names(const char* file, std::size_t least, Read read) {
  std::ifstream lines(std::filesystem::path(testing::source_folder) / "tests/names" / file);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t bar = line.rfind('|');
    const std::string name = line.substr(0, bar), expected = line.substr(bar + 1);
    std::string got;
    try {
      got = read(name);
    } catch (const Error&) {
      got = "?";
    }
    EXPECT_EQ(got, expected) << file << ": " << name;
    ++count;
  }
  EXPECT_GE(count, least);
}

TEST(ProductName, IsCleanedOfMarksAndPunctuation) {
  EXPECT_EQ(clean_name("13th Gen Intel(R) Core(TM) i9-13900K"), "13th gen intel core i9 13900k");
  EXPECT_EQ(clean_name("Intel\xC2\xAE Core\xE2\x84\xA2 i9-9900K @ 3.60GHz \xC3\x97 16"),
            "intel core i9 9900k 3.60ghz x 16");
  EXPECT_EQ(clean_name(std::string(longest_product_name + 1, 'a')), "");
}

TEST(ProductPattern, MatchesWholeWordsWithAndWithoutTheirBlanks) {
  const ProductPattern pattern("xeon {|platinum} 84##*");
  EXPECT_TRUE(pattern.whole("xeon platinum 8480+"));
  EXPECT_TRUE(pattern.whole("xeon8488c"));
  EXPECT_FALSE(pattern.whole("xeon platinum 84801"));
  EXPECT_FALSE(pattern.whole("xeon platinum 848"));
  EXPECT_FALSE(ProductPattern("x_4").whole("x4"));
  EXPECT_TRUE(ProductPattern("[13a-c] @").whole("b z"));
  EXPECT_EQ(ProductPattern("{a|ab}{|c#}").match("abc1 d", 0)->end, 4u);
  EXPECT_EQ(ProductPattern("{#|a}b").match("ab", 0)->literals, 2u);
}

TEST(CpuName, IsReadAsMachinesAndPeopleWriteIt) { expect_names("cpu.txt", 200, best_isa); }
TEST(GpuName, IsReadAsMachinesAndPeopleWriteIt) { expect_names("gpu.txt", 180, capability); }

// A name of the tables is itself, and nothing about it is derived.
TEST(Names, OfTheTablesAreTakenBack) {
  for (const Cpu& cpu : catalog().cpus) {
    EXPECT_EQ(read_cpu_name(cpu.name).cpu, &cpu) << cpu.name;
    for (const std::string& alias : cpu.aliases) {
      const CpuReading reading = read_cpu_name(alias);
      ASSERT_TRUE(reading.cpu) << alias;
      EXPECT_EQ(reading.cpu->isas, cpu.isas) << alias;
    }
  }
  for (const Gpu& gpu : catalog().gpus) {
    for (const std::string& name :
         {gpu.name, "NVIDIA " + gpu.name, "GPU 3: NVIDIA " + gpu.name + " (UUID: GPU-1)"}) {
      EXPECT_EQ(read_gpu_name(name).capability, gpu.capability) << name;
    }
  }
  for (const Isa& isa : catalog().isas) EXPECT_EQ(read_cpu_name(isa.name).isa, &isa) << isa.name;
}

TEST(CpuName, SaysWhatIsDerivedFromANumber) {
  EXPECT_NE(read_cpu_name("AMD EPYC 7713 64-Core Processor").derived, "");
  EXPECT_EQ(read_cpu_name("AMD EPYC 7763 64-Core Processor").derived, "") << "the table has it";
  EXPECT_EQ(read_cpu_name("znver4").derived, "") << "a compiler's name is certain";
  EXPECT_EQ(read_cpu_name("Intel Core i9-13900K turbo").unread, "turbo");
}

TEST(GpuName, SaysWhatIsDerived) {
  EXPECT_EQ(read_gpu_name("NVIDIA A100-SXM4-40GB MIG 1g.5gb").derived, "a slice of A100");
  EXPECT_EQ(read_gpu_name("GRID T4-16Q").derived, "a virtual GPU on T4");
  EXPECT_EQ(read_gpu_name("NVIDIA H100 80GB HBM3").derived, "");
}

std::string next_of(const std::string& cpu) {
  try {
    read_cpu_name(cpu);
  } catch (const Error& error) {
    return error.parts().next;
  }
  return "";
}

TEST(CpuName, ThatSaysNothingAsksForFlags) {
  for (const char* name :
       {"Intel(R) Xeon(R) CPU @ 2.20GHz", "AMD EPYC Processor", "QEMU Virtual CPU version 2.5+", ""}) {
    EXPECT_NE(next_of(name).find("--cpuinfo FILE"), std::string::npos) << name;
  }
}

std::string fault_of_gpu(const char* name) {
  try {
    read_gpu_name(name);
  } catch (const Error& error) {
    return error.parts().what;
  }
  return "";
}

TEST(GpuName, OfAnotherMakerIsRefusedAsTheirs) {
  for (const char* name :
       {"AMD Radeon Graphics (RADV GFX1151)", "Intel(R) UHD Graphics 770", "Intel(R) Arc(TM) B580 Graphics",
        "gfx942", "AMD Instinct MI355X", "Moore Threads MTT S4000", "Apple M2 Max", "BM.GPU.MI300X.8",
        "llvmpipe (LLVM 15.0.7, 256 bits)", "Microsoft Remote Display Adapter"}) {
    EXPECT_NE(fault_of_gpu(name).find("not NVIDIA's"), std::string::npos) << name;
  }
  EXPECT_EQ(fault_of_gpu("RTX 9999").find("not NVIDIA's"), std::string::npos);
}

TEST(Names, ThatAreNoneAreNotFoundWithoutAFault) {
  EXPECT_FALSE(find_cpu_name("kubernetes"));
  EXPECT_FALSE(find_gpu_name("kubernetes"));
}

TEST(InstanceName, GivesGpuAndCpuWhereTheCloudSaysWhich) {
  const auto p5 = read_instance_name("p5.48xlarge");
  ASSERT_TRUE(p5 && p5->gpu && p5->cpu);
  EXPECT_EQ(p5->gpu->name, "H100");
  EXPECT_TRUE(p5->cpu_is_one());
  const auto m5 = read_instance_name("m5.large");
  ASSERT_TRUE(m5);
  EXPECT_EQ(m5->gpu, nullptr);
  EXPECT_EQ(m5->cpu->name, "Skylake-SP") << "Cascade Lake runs all that it runs";
  EXPECT_FALSE(m5->cpu_is_one());
  EXPECT_FALSE(read_instance_name("p99.large"));
}

}  // namespace
}  // namespace lathe
