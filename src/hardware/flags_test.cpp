// SPDX-License-Identifier: MIT
#include "hardware/flags.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <iterator>
#include <memory>
#include <set>

namespace lathe {
namespace {

using Words = std::vector<std::string>;

bool has(const Words& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

// What the compiler itself says that the flags enable, by the names of our features; empty when there is no
// such compiler.
std::set<std::string> macros_of(const std::string& flags) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      ::popen(("gcc -march=x86-64 " + flags + " -dM -E -x c++ /dev/null 2>/dev/null").c_str(), "r"),
      ::pclose);
  std::set<std::string> names;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe.get())) {
    const std::string text(line.data());
    if (!text.starts_with("#define __") || !text.ends_with("__ 1\n")) continue;
    std::string name = text.substr(10, text.size() - 15);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "sse4_1" || name == "sse4_2") name[4] = '.';
    if (name.starts_with("amx_")) name[3] = '-';
    names.insert(name);
  }
  return names;
}

TEST(Flags, EnableWhatGccSaysTheyEnable) {
  if (macros_of("").empty()) GTEST_SKIP() << "no gcc here";
  const std::set<std::string> baseline = macros_of("");
  std::set<std::string> known;
  for (const Isa& isa : catalog().isas) known.insert(isa.features.begin(), isa.features.end());
  known.insert({"bmi", "bmi2", "lzcnt", "movbe", "avxvnni", "avx512cd", "avx512fp16", "avx512vbmi",
                "amx-tile", "gfni"});
  for (const char* flag :
       {"-mavx",        "-mavx2",       "-mfma",     "-mf16c",       "-mbmi",        "-mbmi2",
        "-mlzcnt",      "-mmovbe",      "-mavx512f", "-mavx512bw",   "-mavx512dq",   "-mavx512vl",
        "-mavx512vnni", "-mavx512bf16", "-mavxvnni", "-mavx512fp16", "-mavx512vbmi", "-mamx-tile",
        "-mgfni",       "-msse4.2",     "-mpopcnt"}) {
    std::set<std::string> enabled;
    for (const std::string& name : macros_of(flag)) {
      if (!baseline.contains(name) && known.contains(name)) enabled.insert(name);
    }
    const Words ours = features_of(Words{flag});
    EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), enabled) << flag;
  }
}

// Each -march= of ours that this gcc knows, in all the features of our tables.
TEST(Flags, OfACpuEnableWhatGccSaysItHas) {
  const std::set<std::string> baseline = macros_of("");
  if (baseline.empty()) GTEST_SKIP() << "no gcc here";
  std::set<std::string> known;
  for (const char* flag : {"-march=sapphirerapids", "-march=bdver2", "-march=znver3"}) {
    const Words features = features_of(Words{flag});
    known.insert(features.begin(), features.end());
  }
  std::size_t compared = 0;
  for (const char* cpu :
       {"core2",      "nehalem",        "westmere",      "sandybridge",    "ivybridge",  "haswell",
        "core-avx2",  "broadwell",      "skylake",       "skylake-avx512", "cannonlake", "icelake-client",
        "rocketlake", "icelake-server", "cascadelake",   "tigerlake",      "cooperlake", "sapphirerapids",
        "alderlake",  "silvermont",     "goldmont",      "tremont",        "bdver1",     "bdver2",
        "bdver3",     "bdver4",         "btver2",        "znver1",         "znver2",     "znver3",
        "znver4",     "znver5",         "emeraldrapids", "graniterapids",  "raptorlake", "meteorlake",
        "x86-64-v2",  "x86-64-v3",      "x86-64-v4"}) {
    const std::string flag = std::string("-march=") + cpu;
    EXPECT_TRUE(unknown_flags(Words{flag}).empty()) << flag;
    const std::set<std::string> macros = macros_of(flag);
    if (macros.empty()) continue;  // newer than this gcc
    std::set<std::string> enabled;
    std::ranges::copy_if(macros, std::inserter(enabled, enabled.end()), [&](const std::string& name) {
      return !baseline.contains(name) && known.contains(name);
    });
    const Words ours = features_of(Words{flag});
    EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), enabled) << flag;
    ++compared;
  }
  EXPECT_GT(compared, 20u);
}

TEST(Flags, OfEveryInstructionSetAreExactlyItsFeatures) {
  for (const Isa& isa : catalog().isas) {
    Words features = isa.features;
    std::ranges::sort(features);
    EXPECT_EQ(features_of(isa.flags), features) << isa.name;
    EXPECT_TRUE(unknown_flags(isa.flags).empty()) << isa.name;
    EXPECT_TRUE(excess_of(isa.flags, isa).empty()) << isa.name;
  }
}

TEST(Flags, LaterOnesWinAndTakeAlongWhatIsBuiltOnThem) {
  EXPECT_FALSE(has(features_of(Words{"-mavx2", "-mfma", "-mno-fma"}), "fma"));
  EXPECT_TRUE(has(features_of(Words{"-mno-fma", "-mfma"}), "fma"));
  const Words without = features_of(Words{"-mavx512f", "-mfma", "-mno-avx"});
  EXPECT_FALSE(has(without, "avx512f"));
  EXPECT_FALSE(has(without, "avx2"));
  EXPECT_FALSE(has(without, "fma"));
}

// Each feature of two CPUs that have nearly all, taken away by itself.
TEST(Flags, TakenAwayTakeWithThemWhatGccSays) {
  if (macros_of("").empty()) GTEST_SKIP() << "no gcc here";
  for (const std::string cpu : {"-march=bdver4", "-march=sapphirerapids"}) {
    const Words all = features_of(Words{cpu});
    for (const std::string& feature : all) {
      const std::set<std::string> left = macros_of(cpu + " -mno-" + feature);
      std::set<std::string> expected;
      std::ranges::copy_if(all, std::inserter(expected, expected.end()),
                           [&](const std::string& each) { return left.contains(each); });
      const Words ours = features_of(Words{cpu, "-mno-" + feature});
      EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), expected) << cpu << " -mno-" << feature;
    }
  }
}

// The avx recipes of early 2026 had -mfma and -mf16c: they stop with an illegal instruction on Sandy Bridge.
TEST(Flags, BeyondTheInstructionSetAreFound) {
  const Isa& avx = *catalog().find_isa("avx");
  const auto excess = excess_of(Words{"-mavx", "-mfma", "-mf16c"}, avx);
  ASSERT_EQ(excess.size(), 2u);
  EXPECT_EQ(excess[0].feature, "f16c");
  EXPECT_EQ(excess[0].index, 2u);
  EXPECT_EQ(excess[1].feature, "fma");
}

TEST(Flags, WhatEveryCpuWithTheInstructionSetHasIsNoExcess) {
  EXPECT_TRUE(excess_of(Words{"-mavx512f", "-mf16c"}, *catalog().find_isa("avx512")).empty());
  EXPECT_TRUE(excess_of(Words{"-march=haswell"}, *catalog().find_isa("avx2")).empty());
  const Words excavator = {"-march=bdver4", "-mno-fma4", "-mno-xop", "-mno-tbm", "-mno-aes", "-mno-sse4a"};
  EXPECT_TRUE(excess_of(excavator, *catalog().find_isa("avx2")).empty());
  EXPECT_FALSE(
      excess_of(Words{"-march=skylake-avx512", "-mno-popcnt", "-mno-crc32"}, *catalog().find_isa("avx2"))
          .empty());
  EXPECT_TRUE(excess_of(Words{"-march=skylake-avx512"}, *catalog().find_isa("avx512")).empty());
  EXPECT_TRUE(excess_of(Words{"-march=cascadelake"}, *catalog().find_isa("avx512vnni")).empty());
  // Haswell has no ADX
  EXPECT_FALSE(excess_of(Words{"-march=skylake"}, *catalog().find_isa("avx2")).empty());
  EXPECT_FALSE(excess_of(Words{"-march=znver4"}, *catalog().find_isa("avx512")).empty());
  EXPECT_FALSE(excess_of(Words{"-mavx512vnni"}, *catalog().find_isa("avx512")).empty());
  EXPECT_FALSE(excess_of(Words{"-march=x86-64-v4"}, *catalog().find_isa("avx2")).empty());
}

TEST(Flags, UnknownOnesAreListed) {
  EXPECT_EQ(unknown_flags(Words{"-mavx2", "-mwhat", "-O2", "-mno-avx"}), Words{"-mwhat"});
}

}  // namespace
}  // namespace lathe
