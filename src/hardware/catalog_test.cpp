// SPDX-License-Identifier: MIT
#include "hardware/catalog.h"
#include "hardware/compat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/error.h"
#include "hardware/catalog_pack.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> tables();
}

namespace lathe {
namespace {

// Every name and alias may stand for one row only.
template <typename Row>
void expect_distinct_names(const std::vector<Row>& rows) {
  std::set<std::string> seen;
  for (const Row& row : rows) {
    EXPECT_TRUE(seen.insert(lower_case(row.name)).second) << row.name;
    for (const std::string& alias : row.aliases) EXPECT_TRUE(seen.insert(lower_case(alias)).second) << alias;
  }
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The embedded files, one of them replaced.
std::string error_with(std::string_view file, std::string_view text) {
  std::vector<EmbeddedFile> files(hardware_data::tables().begin(), hardware_data::tables().end());
  std::ranges::find(files, file, &EmbeddedFile::name)->text = text;
  try {
    read_catalog(files);
  } catch (const Error& error) {
    return error.text();
  }
  return "no error";
}

TEST(Catalog, EveryRowHasASource) {
  const Catalog& tables = catalog();
  const auto check = [](const auto& rows) {
    EXPECT_FALSE(rows.empty());
    for (const auto& row : rows) EXPECT_GT(row.provenance.source.size(), 5u);
  };
  check(tables.capabilities);
  check(tables.gpus);
  check(tables.hosts);
  check(tables.isas);
  check(tables.cpus);
  check(tables.toolkits);
  check(tables.pins);
  check(tables.wheels);
}

TEST(Catalog, NamesAreUnique) {
  expect_distinct_names(catalog().gpus);
  expect_distinct_names(catalog().cpus);
  std::set<std::string> seen;
  for (const Isa& isa : catalog().isas) EXPECT_TRUE(seen.insert(isa.name).second) << isa.name;
  for (const HostClass& host : catalog().hosts) EXPECT_TRUE(seen.insert(host.name).second) << host.name;
}

TEST(Catalog, TablesAscend) {
  const Catalog& tables = catalog();
  const auto strictly = [](const auto& a, const auto& b) { return !(a < b); };
  EXPECT_EQ(std::ranges::adjacent_find(tables.capabilities, strictly, &CapabilityRow::capability),
            tables.capabilities.end());
  EXPECT_EQ(std::ranges::adjacent_find(tables.toolkits, strictly, &Toolkit::version), tables.toolkits.end());
  EXPECT_TRUE(std::ranges::is_sorted(tables.gpus, {}, &Gpu::capability));
  EXPECT_TRUE(std::ranges::is_sorted(tables.isas, {},
                                     [](const Isa& isa) { return std::pair(isa.machine, isa.level); }));
  EXPECT_TRUE(std::ranges::is_sorted(tables.cpus, {}, &Cpu::machine));
}

TEST(Catalog, ProductsAreFoundByTheNamesPeopleAndDriversUse) {
  const std::map<std::string, Capability> expected = {{"Tesla V100-SXM2-16GB", {7, 0}},
                                                      {"titan v", {7, 0}},
                                                      {"Jetson AGX Xavier", {7, 2}},
                                                      {"Tesla T4", {7, 5}},
                                                      {"GTX 1660 Ti", {7, 5}},
                                                      {"NVIDIA GeForce RTX 2080 Ti", {7, 5}},
                                                      {"Quadro RTX 8000", {7, 5}},
                                                      {"NVIDIA A100-SXM4-80GB", {8, 0}},
                                                      {"A30", {8, 0}},
                                                      {"A10", {8, 6}},
                                                      {"A16", {8, 6}},
                                                      {"A2", {8, 6}},
                                                      {"A40", {8, 6}},
                                                      {"RTX A2000", {8, 6}},
                                                      {"RTX A6000", {8, 6}},
                                                      {"RTX 3090", {8, 6}},
                                                      {"Jetson AGX Orin", {8, 7}},
                                                      {"L4", {8, 9}},
                                                      {"L40", {8, 9}},
                                                      {"L40S", {8, 9}},
                                                      {"RTX 4090", {8, 9}},
                                                      {"RTX 6000 Ada", {8, 9}},
                                                      {"NVIDIA GeForce RTX 4090 Laptop GPU", {8, 9}},
                                                      {"H100", {9, 0}},
                                                      {"NVIDIA H100 80GB HBM3", {9, 0}},
                                                      {"H200", {9, 0}},
                                                      {"H20", {9, 0}},
                                                      {"GH200", {9, 0}},
                                                      {"B100", {10, 0}},
                                                      {"B200", {10, 0}},
                                                      {"GB200", {10, 0}},
                                                      {"B300", {10, 3}},
                                                      {"GB300", {10, 3}},
                                                      {"Jetson Thor", {11, 0}},
                                                      {"Jetson T4000", {11, 0}},
                                                      {"Jetson T5000", {11, 0}},
                                                      {"DRIVE AGX Thor", {11, 0}},
                                                      {"rtx 5090", {12, 0}},
                                                      {"RTX PRO 6000 Blackwell", {12, 0}},
                                                      {"RTX PRO 2000 Blackwell", {12, 0}},
                                                      {"GeForce RTX 5050 Laptop GPU", {12, 0}},
                                                      {"NVIDIA GB10", {12, 1}},
                                                      {"DGX Spark", {12, 1}}};
  for (const auto& [name, capability] : expected) {
    const Gpu* gpu = catalog().find_gpu(name);
    ASSERT_NE(gpu, nullptr) << name;
    EXPECT_EQ(gpu->capability, capability) << name;
  }
  EXPECT_EQ(catalog().find_gpu("Radeon VII"), nullptr);
  EXPECT_EQ(catalog().find_gpu(""), nullptr);
}

TEST(Catalog, EveryCapabilityHasAGpuOrALaterName) {
  for (const CapabilityRow& row : catalog().capabilities) {
    const bool has_gpu =
        std::ranges::find(catalog().gpus, row.capability, &Gpu::capability) != catalog().gpus.end();
    EXPECT_NE(has_gpu, row.now_called.has_value()) << spell(row.capability, Dialect::dotted);
    EXPECT_TRUE(!row.now_called || catalog().find(*row.now_called));
  }
}

TEST(Catalog, ToolkitRangesAreInOrder) {
  for (const CapabilityRow& row : catalog().capabilities) {
    const std::string name = spell(row.capability, Dialect::dotted);
    for (const auto& later : {row.last_cuda, row.specific_since, row.family_since}) {
      EXPECT_LE(row.first_cuda, later.value_or(row.first_cuda)) << name;
    }
  }
  for (const Toolkit& toolkit : catalog().toolkits) EXPECT_LE(toolkit.minimum_driver, toolkit.paired_driver);
}

TEST(Catalog, HostsHoldOnlyCpusOfTheirMachine) {
  for (const HostClass& host : catalog().hosts) {
    for (const std::string& cpu : host.cpus)
      EXPECT_EQ(catalog().find_cpu(cpu)->machine, host.machine) << host.name << cpu;
  }
}

TEST(Catalog, TegraPartsSitOnlyBesideArm) {
  for (const Gpu& gpu : catalog().gpus) {
    if (!catalog().find(gpu.capability)->tegra) continue;
    for (const std::string& host : gpu.hosts)
      EXPECT_EQ(catalog().find_host(host)->machine, Machine::aarch64) << gpu.name;
  }
}

TEST(Catalog, OneIsaIncludesAnotherExactlyWhenEveryCpuThatRunsItRunsTheOther) {
  for (const Isa& outer : catalog().isas) {
    for (const Isa& inner : catalog().isas) {
      if (&outer == &inner || outer.machine != inner.machine) continue;
      const bool everywhere = std::ranges::all_of(catalog().cpus, [&](const Cpu& cpu) {
        return !has(cpu.isas, outer.name) || has(cpu.isas, inner.name);
      });
      EXPECT_EQ(has(outer.includes, inner.name), everywhere) << outer.name << " and " << inner.name;
    }
    for (const std::string& name : outer.includes) {
      const Isa* inner = catalog().find_isa(name);
      ASSERT_NE(inner, nullptr) << name;
      EXPECT_EQ(inner->machine, outer.machine);
      EXPECT_LE(inner->level, outer.level);
      for (const std::string& deeper : inner->includes)
        EXPECT_TRUE(has(outer.includes, deeper)) << "not closed: " << deeper;
    }
  }
}

TEST(Catalog, CpusRunOnlyIsasOfTheirMachine) {
  for (const Cpu& cpu : catalog().cpus) {
    for (const std::string& isa : cpu.isas)
      EXPECT_EQ(catalog().find_isa(isa)->machine, cpu.machine) << cpu.name;
  }
}

TEST(Catalog, CpusRunWhatTheTableOfFlagsSays) {
  const auto best = [](std::string_view name) {
    const Cpu* cpu = catalog().find_cpu(name);
    std::string text;
    if (!cpu) return std::string("unknown");
    for (const Isa* isa : catalog().best_isas(*cpu)) text += (text.empty() ? "" : " ") + isa->name;
    return text;
  };
  EXPECT_EQ(best("Sandy Bridge"), "avx");
  EXPECT_EQ(best("Ivy Bridge"), "avx");
  EXPECT_EQ(best("Bulldozer"), "avx");
  EXPECT_EQ(best("Piledriver"), "avx");
  for (const char* name : {"Haswell", "Broadwell", "Skylake", "Zen", "Zen 2", "Zen 3", "Alder Lake",
                           "Raptor Lake", "Core i9-14900K", "Core Ultra 9 285K", "EPYC 7742"}) {
    EXPECT_EQ(best(name), "avx2") << name;
  }
  EXPECT_EQ(best("Skylake-X"), "avx512");
  for (const char* name : {"Cascade Lake", "Ice Lake-SP", "Tiger Lake", "Rocket Lake"}) {
    EXPECT_EQ(best(name), "avx512vnni") << name;
  }
  for (const char* name : {"Cooper Lake", "Xeon Platinum 8480", "Emerald Rapids", "Granite Rapids",
                           "Ryzen 7950X", "EPYC 9654", "Zen 5"}) {
    EXPECT_EQ(best(name), "avx512vnni avx512bf16") << name;
  }
  for (const char* name : {"Graviton2", "Graviton3", "AmpereOne", "Cortex-A76", "Cortex-A78AE"}) {
    EXPECT_EQ(best(name), "armv8_2") << name;
  }
  for (const char* name :
       {"Graviton4", "Grace", "Cobalt 100", "Axion", "Neoverse V3AE", "Cortex-X925/A725"}) {
    EXPECT_EQ(best(name), "armv9") << name;
  }
  EXPECT_EQ(best("Carmel"), "");
}

TEST(Catalog, HostsKnowTheirBestInstructionSets) {
  const auto best = [](std::string_view host) { return catalog().find_host(host)->best_isas; };
  EXPECT_EQ(best("HGX B200"), (std::vector<std::string>{"avx512vnni", "avx512bf16"}));
  EXPECT_EQ(best("HGX A100"), (std::vector<std::string>{"avx2", "avx512vnni"}));
  EXPECT_EQ(best("Grace"), (std::vector<std::string>{"armv9"}));
  EXPECT_EQ(best("Xavier"), (std::vector<std::string>{}));
}

TEST(Catalog, PinsAreWhatRecipesName) {
  EXPECT_EQ(catalog().pins.size(), 7u);
  for (const Pin& pin : catalog().pins) {
    EXPECT_EQ(pin.rev.size(), 40u);
    EXPECT_EQ(pin.rev.find_first_not_of("0123456789abcdef"), std::string::npos);
    for (const std::string& set : pin.cuda_sets)
      EXPECT_NE(catalog().find_toolkit(*Version::parse(set)), nullptr) << set;
    EXPECT_TRUE(pin.cuda.empty() || has(pin.cuda_sets, pin.cuda)) << pin.rev;
  }
  EXPECT_FALSE(catalog().find_pin("6a030d535719c5190187c4cec156f335e95e3211")->magma_cuda13);
  EXPECT_TRUE(catalog().find_pin("2017d6d515f8a7b289fe06d3a880a7ec588c3900")->magma_cuda13);
  EXPECT_EQ(catalog().find_pin("fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3")->torch, "2.8.0");
}

TEST(Catalog, ToolkitsKnowTheirNamesAndDrivers) {
  const Toolkit* toolkit = catalog().find_toolkit(*Version::parse("13.0"));
  ASSERT_NE(toolkit, nullptr);
  EXPECT_EQ(toolkit->nixpkgs_set, "cudaPackages_13_0");
  EXPECT_EQ(toolkit->scikit_name, "cuda13_0");
  EXPECT_EQ(toolkit->paired_driver.text(), "580.65.06");
  EXPECT_EQ(toolkit->minimum_driver.text(), "580");
  EXPECT_EQ(catalog().find_toolkit(*Version::parse("12.7")), nullptr);
}

TEST(Catalog, WheelsAreOfKnownToolkitsThatCompileForTheirGpus) {
  for (const WheelIndex& wheel : catalog().wheels) {
    EXPECT_TRUE(wheel.index.starts_with("https://") && wheel.index.ends_with("/" + wheel.name))
        << wheel.index;
    EXPECT_EQ(wheel.cuda.has_value(), !wheel.gpus.empty()) << wheel.name;
    const bool known = !wheel.cuda || catalog().find_toolkit(*wheel.cuda) != nullptr;
    EXPECT_TRUE(known) << wheel.name;
    for (const Capability gpu : wheel.gpus)
      EXPECT_EQ(why_not_compilable(gpu, *wheel.cuda), "") << wheel.name << " " << spell(gpu, Dialect::dotted);
  }
}

TEST(Version, IsReadComparedAndPrinted) {
  for (const char* text : {"13.0", "12.10", "580", "580.65.06", "575.51.03", "570.26"}) {
    EXPECT_EQ(Version::parse(text).value().text(), text);
  }
  EXPECT_LT(*Version::parse("12.9"), *Version::parse("12.10"));
  EXPECT_LT(*Version::parse("580"), *Version::parse("580.65.06"));
  EXPECT_LT(*Version::parse("12.9"), *Version::parse("13.0"));
  for (const char* text :
       {"", ".", "13.", ".0", "13..0", "-1", "13.-0", "13.0a", "1.2.3.4.5", "99999999999", " 13.0", "0x1"}) {
    EXPECT_FALSE(Version::parse(text)) << text;
  }
}

TEST(Catalog, AMistakeInATableIsShownWhereItStands) {
  EXPECT_EQ(error_with("gpus.toml",
                       "[[family]]\ncapability = \"9.0\"\nsegment = \"x\"\nhosts = [\"Moon\"]\n"
                       "source = \"s\"\nconfidence = \"known\"\ngpus = []\n"),
            "gpus.toml:4:10: no row is named \"Moon\"");
  EXPECT_EQ(error_with("gpus.toml", "[[family]]\ncapability = \"sm_90\"\n"),
            "gpus.toml:2:14: \"sm_90\" is not a capability without suffix\n  fix: write \"9.0\"");
  EXPECT_EQ(error_with("gpus.toml",
                       "[[family]]\ncapability = \"99.0\"\nsegment = \"x\"\nhosts = []\nsource = \"s\"\n"
                       "confidence = \"known\"\ngpus = []\n"),
            "gpus.toml:2:14: no row of capabilities.toml has this capability");
  EXPECT_EQ(error_with("cuda.toml", "[[toolkit]]\nversoin = \"13.0\"\n"),
            "cuda.toml:2:1: unknown key \"versoin\"\n  fix: did you mean \"version\"?");
  EXPECT_EQ(error_with("cuda.toml", "[[toolkit]]\nversion = \"13.x\"\n"),
            "cuda.toml:2:11: \"13.x\" is not a version");
  EXPECT_EQ(error_with("pins.toml",
                       "[[pin]]\nrev = \"x\"\ncuda_sets = []\nsource = \"s\"\nconfidence = \"sure\"\n"),
            "pins.toml:5:14: \"sure\" is not known here\n  fix: did you mean \"source\"?");
  EXPECT_EQ(error_with("pins.toml",
                       "[[pin]]\nrev = \"x\"\ncuda_sets = []\nsource = \"\"\nconfidence = \"known\"\n"),
            "pins.toml:4:10: every row needs its source");
  EXPECT_EQ(error_with("cpus.toml", "[[cpu]]\nname = \"x\"\n"),
            "cpus.toml:1:1: key \"machine\" is missing here");
}

TEST(Catalog, WhatIsCompiledInIsWhatTheTablesSay) {
  const std::string read = pack(read_catalog(hardware_data::tables()));
  EXPECT_EQ(pack(catalog()), read);
  EXPECT_EQ(pack(unpack(as_byte_span(read))), read);
}

TEST(Catalog, PackedTablesMustBeWhole) {
  const std::string whole = pack(catalog());
  EXPECT_THROW(unpack(as_byte_span(whole.substr(0, whole.size() - 1))), Error);
  EXPECT_THROW(unpack(as_byte_span(whole + "x")), Error);
  EXPECT_THROW(unpack({}), Error);
}

TEST(Catalog, AMissingTableIsAnError) { EXPECT_THROW(read_catalog({}), Error); }

}  // namespace
}  // namespace lathe
