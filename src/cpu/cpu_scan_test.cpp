// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "cpu/cpu_scan_levels.h"

namespace lathe {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes nothing = {0x90, 0xc3};                               // nop; ret
const Bytes avx = {0xc5, 0xfc, 0x58, 0xc1, 0xc3};                 // vaddps %ymm1,%ymm0,%ymm0; ret
const Bytes avx2 = {0xc5, 0xfd, 0xfe, 0xc1, 0xc3};                // vpaddd %ymm1,%ymm0,%ymm0; ret
const Bytes avx512 = {0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1, 0xc3};  // vaddps %zmm1,%zmm0,%zmm0; ret
const Bytes sse = {0x0f, 0x58, 0xc1, 0xc3};                       // addps %xmm1,%xmm0; ret
const Bytes cpuid = {0x0f, 0xa2, 0xc3};                           // cpuid; ret
const Bytes pkey = {0x0f, 0x01, 0xee, 0xc3};                      // rdpkru; ret

// Code made of functions, 64 bytes each.
class Program {
 public:
  static constexpr std::uint64_t base = 0x10000, room = 64;

  // Its body, behind calls of `callees`, which may come later.
  Program& add(std::string name, const Bytes& body, std::vector<std::string> callees = {}) {
    functions_.push_back({std::move(name), body, std::move(callees)});
    code_.functions.push_back(
        {.name = functions_.back().name, .address = base + (functions_.size() - 1) * room, .size = room});
    return *this;
  }
  // The rest of a library: functions compiled without AVX, or with it.
  Program& rest(int count, const Bytes& body) {
    for (int i = 0; i < count; ++i) add("rest" + std::to_string(functions_.size()), body).exported();
    return *this;
  }
  Program& exported() { return set(&CodeSymbol::exported); }
  Program& weak() { return set(&CodeSymbol::weak); }
  Program& from(std::string_view source) {
    code_.functions.back().source = source;
    return *this;
  }
  Program& constructor() {
    code_.constructors.push_back(code_.functions.back().address);
    return *this;
  }
  Program& in_table() {
    code_.slots.push_back(
        {.address = 0x90000 + code_.slots.size() * 8, .target = code_.functions.back().address});
    return *this;
  }

  CpuScan scan(unsigned threads = 1) {
    text_.assign(functions_.size() * room, 0x90);
    for (std::size_t i = 0; i < functions_.size(); ++i) write(i);
    code_.sections = {{.name = ".text", .address = base, .bytes = std::as_bytes(std::span(text_))}};
    return scan_cpu(code_, {.threads = threads});
  }

 private:
  struct Function {
    std::string name;
    Bytes body;
    std::vector<std::string> callees;
  };

  Program& set(bool CodeSymbol::*flag) {
    code_.functions.back().*flag = true;
    return *this;
  }

  std::int64_t number_of(const std::string& name) const {
    return std::ranges::find(functions_, name, &Function::name) - functions_.begin();
  }

  void write(std::size_t number) {
    std::size_t at = number * room;
    for (const std::string& callee : functions_[number].callees) {
      const auto distance = static_cast<std::uint32_t>(number_of(callee) * static_cast<std::int64_t>(room) -
                                                       static_cast<std::int64_t>(at) - 5);
      text_[at++] = 0xe8;
      for (int byte = 0; byte < 4; ++byte) text_[at++] = static_cast<std::uint8_t>(distance >> byte * 8);
    }
    std::ranges::copy(functions_[number].body, text_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::deque<Function> functions_;
  std::vector<std::uint8_t> text_;
  CpuCode code_;
};

CpuReach reach_of(const CpuScan& scan, std::string_view name) {
  const auto found = std::ranges::find(scan.kept, name, &CpuFunction::name);
  EXPECT_NE(found, scan.kept.end()) << name;
  return found == scan.kept.end() ? CpuReach::doubtful : found->reach;
}

TEST(CpuScan, ExportedFunctionsDecideAndTheBaselineNeedsNothing) {
  EXPECT_EQ(Program().add("f", nothing).exported().scan().least_isa, "x86-64");
  const CpuScan scan = Program().add("f", avx2).exported().add("g", avx512).exported().scan();
  EXPECT_EQ(scan.least_isa, "avx512");
  EXPECT_EQ(names_of(scan.required), "avx2+avx512f");
  EXPECT_EQ(reach_of(scan, "f"), CpuReach::unguarded);
  EXPECT_EQ(scan.extensions[static_cast<std::size_t>(Extension::avx512f)], 1u);
}

TEST(CpuScan, FollowsCallsToFunctionsThatNobodyElseCanCall) {
  const CpuScan scan = Program()
                           .add("api", nothing, {"helper"})
                           .exported()
                           .add("helper", nothing, {"kernel"})
                           .add("kernel", avx2)
                           .scan();
  EXPECT_EQ(reach_of(scan, "kernel"), CpuReach::unguarded);
  EXPECT_EQ(scan.kept[0].why, "called by helper, called by api (exported)");
}

TEST(CpuScan, AFunctionThatNobodyCallsDecidesNothing) {
  const CpuScan scan = Program().add("api", nothing).exported().add("kernel", avx2).scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
  EXPECT_EQ(reach_of(scan, "kernel"), CpuReach::dispatched);
}

TEST(CpuScan, TrustsWhoAsksTheProcessor) {
  const CpuScan scan = Program().add("api", cpuid, {"kernel"}).exported().add("kernel", avx512).scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
  EXPECT_EQ(reach_of(scan, "kernel"), CpuReach::dispatched);
}

TEST(CpuScan, TrustsWhoAsksThroughAGetterAndAWrapperInBetween) {
  const CpuScan scan = Program()
                           .add("has_avx512", cpuid)
                           .add("api", nothing, {"has_avx512", "wrapper"})
                           .exported()
                           .add("wrapper", nothing, {"kernel"})
                           .add("kernel", avx512)
                           .scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
}

TEST(CpuScan, AWrapperWithAnotherCallerIsUnknown) {
  const CpuScan scan = Program()
                           .rest(20, sse)
                           .add("has_avx512", cpuid)
                           .add("api", nothing, {"has_avx512", "wrapper"})
                           .exported()
                           .add("careless", nothing, {"wrapper"})
                           .exported()
                           .add("wrapper", nothing, {"kernel"})
                           .add("kernel", avx512)
                           .scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
  EXPECT_EQ(least_cpu_text(scan), "x86-64; unknown: avx512");
  EXPECT_EQ(reach_of(scan, "kernel"), CpuReach::unknown);
  EXPECT_EQ(scan.kept[0].why, "called by wrapper, called by careless (exported)");
}

TEST(CpuScan, AFewKernelsInAFileCompiledForLessClaimNothing) {
  Program program;
  program.rest(100, sse).add("kernel", avx512).exported();
  program.add("_Z4sortv", avx2).weak().exported().add("f", sse, {"_Z4sortv"}).exported();
  const CpuScan scan = program.scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
  EXPECT_EQ(names_of(scan.undecided), "avx2+avx512f");
  EXPECT_EQ(reach_of(scan, "kernel"), CpuReach::unknown);
  EXPECT_EQ(reach_of(scan, "_Z4sortv"), CpuReach::unknown);
}

TEST(CpuScan, AFileCompiledForAvxWithKernelsForMoreNeedsAvx) {
  Program program;
  program.rest(300, avx);
  // they lie together
  for (int i = 0; i < 20; ++i) program.add("kernel" + std::to_string(i), avx512).exported();
  const CpuScan scan = program.rest(300, avx).scan();
  EXPECT_EQ(least_cpu_text(scan), "avx; unknown: avx512");
}

TEST(CpuScan, WhatIsUsedAllOverAFileItWasCompiledFor) {
  Program program;
  for (int i = 0; i < 100; ++i) program.rest(9, avx).add("wide" + std::to_string(i), avx512).in_table();
  const CpuScan scan = program.scan();
  EXPECT_EQ(least_cpu_text(scan), "avx512");
  EXPECT_TRUE(scan.pointers_decide);
  EXPECT_EQ(reach_of(scan, "wide0"), CpuReach::by_pointer);
}

TEST(CpuScan, FewFunctionsAllOverAFileDoNotProveWhatItWasCompiledFor) {
  Program program;
  for (int i = 0; i < 64; ++i) program.rest(63, avx).add("half" + std::to_string(i), avx512).exported();
  EXPECT_EQ(least_cpu_text(program.scan()), "avx; unknown: avx512");
}

TEST(CpuScan, AnInstructionBehindABranchDoesNotSurelyRunAtLoad) {
  Bytes branch = {0x85, 0xff, 0x74, 0x05};  // test %edi,%edi; je over the next
  branch.insert(branch.end(), avx2.begin(), avx2.end());
  Bytes loop = {0xff, 0xcf, 0x75, 0xfc};  // dec %edi; jne back
  loop.insert(loop.end(), avx2.begin(), avx2.end());
  EXPECT_EQ(least_cpu_text(Program().rest(50, sse).add("init", branch).constructor().scan()),
            "x86-64; unknown: avx2");
  EXPECT_EQ(least_cpu_text(Program().rest(50, sse).add("init", loop).constructor().scan()), "avx2");
  const CpuScan scan =
      Program().rest(50, sse).add("init", nothing, {"setup"}).constructor().add("setup", avx).scan();
  EXPECT_EQ(least_cpu_text(scan), "avx");
  EXPECT_EQ(reach_of(scan, "setup"), CpuReach::at_load);
  const CpuScan module = Program().rest(50, sse).add("PyInit_m", avx2).exported().scan();
  EXPECT_EQ(least_cpu_text(module), "avx2");
}

TEST(CpuScan, WhatALoadDoesNotSurelyReachIsNotSaidToRunAtLoad) {
  // jmp over the ret; ret; test %edi,%edi; je to the ret
  Bytes way_out = {0xeb, 0x01, 0xc3, 0x85, 0xff, 0x74, 0xfb};
  way_out.insert(way_out.end(), avx2.begin(), avx2.end());
  EXPECT_EQ(least_cpu_text(Program().rest(50, sse).add("init", way_out).constructor().scan()),
            "x86-64; unknown: avx2");
  Program program;  // its last call does not return
  program.rest(50, sse)
      .add("quit", {0xf4})
      .add("init", {}, std::vector<std::string>(12, "quit"))
      .constructor();
  program.add("next", avx2).exported();
  EXPECT_EQ(least_cpu_text(program.scan()), "x86-64; unknown: avx2");
}

TEST(CpuScan, ATableOfKernelsInASmallFileThatAsksIsNoProof) {
  // sums in C without vectors, sums for AVX2, and a constructor that chooses a row of the table
  Program program;
  program.add("init", cpuid).constructor().add("api", nothing).exported();
  for (const char* sum : {"sum8", "sum16", "sum32"})
    program.add(sum, nothing).in_table().add(sum + std::string("v"), avx2).in_table();
  EXPECT_EQ(least_cpu_text(program.scan()), "x86-64");
}

TEST(CpuScan, OnlyWhatIsUsedAllOverAFileIsRequired) {
  const Bytes movddup = {0xf2, 0x0f, 0x12, 0xc1, 0xc3}, pcmpgtq = {0x66, 0x0f, 0x38, 0x37, 0xc1, 0xc3};
  Program program;
  for (int i = 0; i < 40; ++i) program.rest(9, sse).add("complex" + std::to_string(i), movddup).exported();
  const CpuScan scan = program.add("sort", pcmpgtq).exported().scan();
  EXPECT_EQ(least_cpu_text(scan), "x86-64-v2");
  EXPECT_EQ(names_of(scan.required), "sse3");
}

TEST(CpuScan, ATemplateOverAnEnumerationWithALesserSiblingIsPicked) {
  Program program;
  program.rest(50, sse);
  program.add("_ZN3lib3addILNS_3IsaE0EEEvv", sse)
      .exported()
      .add("_ZN3lib3addILNS_3IsaE2EEEvv", avx512)
      .exported();
  EXPECT_EQ(least_cpu_text(program.scan()), "x86-64");
  Program alone;
  alone.rest(50, sse).add("_ZN3lib3addILNS_3IsaE2EEEvv", avx512).exported();
  EXPECT_EQ(least_cpu_text(alone.scan()), "x86-64; unknown: avx512");
}

TEST(CpuScan, ConstructorsRunAtLoad) {
  const CpuScan scan = Program().add("init", nothing, {"setup"}).constructor().add("setup", avx).scan();
  EXPECT_EQ(reach_of(scan, "setup"), CpuReach::at_load);
  EXPECT_EQ(scan.least_isa, "avx");
}

TEST(CpuScan, AWeakCopyBuiltForMoreIsALeakWhenOrdinaryCodeCallsIt) {
  const CpuScan leaked = Program()
                             .add("_ZSt4sortIPfEvT_S1_", avx2)
                             .weak()
                             .exported()
                             .add("api", nothing, {"_ZSt4sortIPfEvT_S1_"})
                             .exported()
                             .scan();
  EXPECT_EQ(reach_of(leaked, "_ZSt4sortIPfEvT_S1_"), CpuReach::leaked);
  EXPECT_EQ(leaked.least_isa, "avx2");
  const CpuScan kept_apart = Program()
                                 .add("_ZSt4sortIPfEvT_S1_", avx2)
                                 .weak()
                                 .exported()
                                 .add("kernel_avx2", avx2, {"_ZSt4sortIPfEvT_S1_"})
                                 .scan();
  EXPECT_EQ(kept_apart.least_isa, "x86-64");
}

TEST(CpuScan, NamesTellDispatchAsFarAsTheyGo) {
  const std::string name = "_ZN2at6native4AVX212_GLOBAL__N_13addEv";
  EXPECT_EQ(Program().add(name, avx2).exported().scan().least_isa, "x86-64");
  const CpuScan more = Program().add(name, avx512).exported().scan();
  EXPECT_EQ(more.least_isa, "avx512");
  EXPECT_EQ(more.kept[0].why, "needs more than its name says; exported");
}

TEST(CpuScan, SourceFilesTellDispatchOfLocalFunctions) {
  const std::string name = "_ZN2at6native12_GLOBAL__N_13addEv";
  EXPECT_EQ(Program()
                .add("api", nothing, {name})
                .exported()
                .add(name, avx512)
                .from("Add.cpp.AVX512.cpp")
                .scan()
                .least_isa,
            "x86-64");
  const CpuScan other =
      Program().add("api", nothing, {name}).exported().add(name, avx512).from("Add.cpp").scan();
  EXPECT_EQ(other.least_isa, "avx512");
}

TEST(CpuScan, WhatOnlyATableHoldsDecidesNothingInAFileNotBuiltForAvx) {
  const CpuScan scan =
      Program().add("method", avx2).in_table().add("f", sse).exported().add("g", sse).exported().scan();
  EXPECT_EQ(reach_of(scan, "method"), CpuReach::by_pointer);
  EXPECT_EQ(scan.least_isa, "x86-64");
  const CpuScan all_avx = Program().add("method", avx2).in_table().add("f", avx).exported().scan();
  EXPECT_TRUE(all_avx.pointers_decide);
  EXPECT_EQ(all_avx.least_isa, "avx2");
}

TEST(CpuScan, AFewObjectsOfAnArchiveDoNotDecideForIt) {
  const auto archive = [](int plain, int wide) {
    std::vector<CpuScan> objects;
    for (int i = 0; i < plain; ++i) objects.push_back(Program().rest(5, sse).scan());
    for (int i = 0; i < wide; ++i) objects.push_back(Program().rest(5, avx2).scan());
    std::vector<CpuScan*> all;
    for (CpuScan& object : objects) all.push_back(&object);
    settle_objects(all);
    CpuScan sum = objects[0];
    for (std::size_t i = 1; i < objects.size(); ++i) add_scan(sum, objects[i]);
    return sum;
  };
  const CpuScan kernels = archive(3, 2);
  EXPECT_EQ(least_cpu_text(kernels), "x86-64; unknown: avx2");
  EXPECT_EQ(kernels.functions_by_reach[static_cast<std::size_t>(CpuReach::unknown)], 10u);
  EXPECT_EQ(kernels.functions_by_reach[static_cast<std::size_t>(CpuReach::unguarded)], 0u);
  EXPECT_EQ(reach_of(kernels, "rest0"), CpuReach::unknown);
  EXPECT_EQ(least_cpu_text(archive(1, 4)), "avx2");
  EXPECT_EQ(least_cpu_text(archive(0, 1)), "avx2");
}

TEST(CpuScan, SaysWhatNoIsaOfTheCatalogueHas) {
  const CpuScan scan = Program().rest(50, sse).add("init", pkey).constructor().scan();
  EXPECT_EQ(scan.least_isa, "x86-64");
  EXPECT_EQ(names_of(scan.besides), "pku");
  EXPECT_EQ(least_cpu_text(scan), "x86-64 and pku");
  EXPECT_EQ(least_cpu_text(Program().rest(50, sse).add("pkey_get", pkey).exported().scan()),
            "x86-64; unknown: pku");
}

TEST(CpuScan, BytesThatAreNoInstructionsMakeWhatFollowsDoubtful) {
  Bytes data = {0x06, 0x06};
  data.insert(data.end(), avx2.begin(), avx2.end());
  const CpuScan scan = Program().add("table", data).exported().scan();
  EXPECT_EQ(reach_of(scan, "table"), CpuReach::doubtful);
  EXPECT_EQ(scan.least_isa, "x86-64");
}

TEST(CpuScan, DoesNotDependOnTheNumberOfThreads) {
  Program program;
  for (int i = 0; i < 20'000; ++i) {
    program.add("f" + std::to_string(i), i % 7 ? nothing : avx2, {"f" + std::to_string(i * 7919 % 20'000)});
    if (i % 97 == 0) program.exported();
    if (i % 191 == 0) program.in_table();
  }
  const CpuScan one = program.scan(1), four = program.scan(4);
  EXPECT_EQ(one.reason, four.reason);
  EXPECT_EQ(one.functions_by_reach, four.functions_by_reach);
  ASSERT_EQ(one.kept.size(), four.kept.size());
  for (std::size_t i = 0; i < one.kept.size(); ++i) EXPECT_EQ(one.kept[i].why, four.kept[i].why);
}

TEST(CpuLevels, AreNamedFromLeastToBest) {
  const auto least = [](std::string_view needs) {
    const CpuLevel* level = least_cpu_level(Machine::x86_64, *parse_extensions(needs, Machine::x86_64));
    return level ? level->name : "";
  };
  EXPECT_EQ(least("base"), "x86-64");
  EXPECT_EQ(least("sse3"), "x86-64-v2");
  EXPECT_EQ(least("sse4.2+popcnt+cx16"), "x86-64-v2");
  EXPECT_EQ(least("avx"), "avx");
  EXPECT_EQ(least("fma+bmi2+movbe"), "avx2");
  EXPECT_EQ(least("avx512vl"), "avx512");
  EXPECT_EQ(least("avx512bf16"), "avx512bf16");
  EXPECT_EQ(least("fma4"), "");
}

}  // namespace
}  // namespace lathe
