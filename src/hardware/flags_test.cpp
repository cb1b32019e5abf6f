// SPDX-License-Identifier: MIT
#include "hardware/flags.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <set>

namespace lathe {
namespace {

using Words = std::vector<std::string>;

bool has(const Words& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

// What the compiler itself says that the flags enable, by the names of our features; empty when there is no such compiler.
std::set<std::string> macros_of(const std::string& flags) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      ::popen(("gcc -march=x86-64 " + flags + " -dM -E -x c++ /dev/null 2>/dev/null").c_str(), "r"), ::pclose);
  std::set<std::string> names;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe.get())) {
    const std::string text(line.data());
    if (!text.starts_with("#define __") || !text.ends_with("__ 1\n")) continue;
    std::string name = text.substr(10, text.size() - 15);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
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
  known.insert({"bmi", "bmi2", "lzcnt", "movbe", "avxvnni", "avx512cd", "avx512fp16", "avx512vbmi", "amx-tile", "gfni"});
  for (const char* flag : {"-mavx", "-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mmovbe", "-mavx512f",
                           "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mavx512bf16", "-mavxvnni",
                           "-mavx512fp16", "-mavx512vbmi", "-mamx-tile", "-mgfni", "-msse4.2", "-mpopcnt"}) {
    std::set<std::string> enabled;
    for (const std::string& name : macros_of(flag)) {
      if (!baseline.contains(name) && known.contains(name)) enabled.insert(name);
    }
    const Words ours = features_of(Words{flag});
    EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), enabled) << flag;
  }
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
  EXPECT_FALSE(excess_of(Words{"-mavx512vnni"}, *catalog().find_isa("avx512")).empty());
  EXPECT_FALSE(excess_of(Words{"-march=x86-64-v4"}, *catalog().find_isa("avx2")).empty());
}

TEST(Flags, UnknownOnesAreListed) {
  EXPECT_EQ(unknown_flags(Words{"-mavx2", "-mwhat", "-O2", "-mno-avx"}), Words{"-mwhat"});
}

}  // namespace
}  // namespace lathe
