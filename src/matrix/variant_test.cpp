// SPDX-License-Identifier: MIT
#include "matrix/variant.h"

#include <gtest/gtest.h>

#include "hardware/capability.h"

namespace lathe {
namespace {

std::string first_problem(std::string_view name) {
  const NameReading reading = read_variant_name(name);
  return reading.problems.empty() ? "none" : reading.problems.front().what;
}

std::string canonical(std::string_view name) {
  const NameReading reading = read_variant_name(name);
  return reading.name ? reading.name->text() : "unreadable";
}

TEST(VariantNames, AreReadAndWrittenBack) {
  for (const char* name :
       {"pytorch-python313-cuda13_0-sm120-avx512", "pytorch210-python313-cpu-avx2",
        "torchvision-python312-cuda12_8-sm86_sm89-avx2", "pytorch-python311-cuda12_9-sm90a-armv8_2"}) {
    EXPECT_EQ(parse_variant_name(name).text(), name);
  }
}

TEST(VariantNames, GiveTheirParts) {
  const VariantName name = parse_variant_name("pytorch210-python313-cuda13_0-sm120-avx512bf16");
  EXPECT_EQ(name.package, "pytorch");
  EXPECT_EQ(name.release, "210");
  EXPECT_EQ(name.python, "3.13");
  EXPECT_EQ(name.cuda->text(), "13.0");
  EXPECT_EQ(name.gpus, (std::vector<Capability>{{12, 0}}));
  EXPECT_EQ(name.isa, "avx512bf16");
}

TEST(VariantNames, OldSpellingsAreUnderstoodAndCorrected) {
  EXPECT_EQ(first_problem("pytorch-python313-cuda12_8-sm120-armv8.2"),
            "the dot in \"armv8.2\" separates attributes in Nix");
  EXPECT_EQ(canonical("pytorch-python313-cuda12_8-sm120-armv8.2"),
            "pytorch-python313-cuda12_8-sm120-armv8_2");
  EXPECT_EQ(first_problem("pytorch-python313-cuda12_8-sm120-avx2-cu128"),
            "\"-cu128\" names CUDA a second time");
  EXPECT_EQ(first_problem("pytorch-python313-cuda13_0-sm120-avx512-magma"),
            "\"-magma\" is not part of a variant's name");
  EXPECT_EQ(canonical("pytorch-python313-cuda13_0-sm120-avx512-magma"),
            "pytorch-python313-cuda13_0-sm120-avx512-magma");
}

TEST(VariantNames, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_EQ(first_problem("tensorflow-python313-cpu-avx2"),
            "\"tensorflow\" is not a package this tool knows");
  EXPECT_EQ(first_problem("pytorch-python313-cuda13_0-sm120-avx51"),
            "\"avx51\" is not an instruction set of the catalogue");
  EXPECT_EQ(first_problem("pytorch-python313-sm120-avx2"), "\"sm120\" names neither a CUDA release nor cpu");
  EXPECT_EQ(first_problem(""), "\"\" is not a package this tool knows");
  const NameReading reading = read_variant_name("pytorch-python313-cuda13_0-12.0-avx2");
  ASSERT_FALSE(reading.problems.empty());
  EXPECT_EQ(reading.problems.front().offset, 27u);
  EXPECT_EQ(reading.problems.front().what, "\"12.0\" is the dotted dialect");
  EXPECT_EQ(canonical("pytorch-python313-cuda13_0-12.0-avx2"), "pytorch-python313-cuda13_0-sm120-avx2");
}

TEST(VariantNames, ANameThatGrowsTooLongWhenWrittenOutIsRefused) {
  std::string gpus = "23";
  while (gpus.size() < 150) gpus += "_23";
  const NameReading reading = read_variant_name("pytorch-python313-cuda13_0-" + gpus + "-avx2");
  EXPECT_FALSE(reading.name);
  EXPECT_NE(reading.problems.back().what.find("when it is written out"), std::string::npos);
}

TEST(VariantNames, AStrictReaderThrowsWithTheCanonicalName) {
  try {
    parse_variant_name("pytorch-python313-cuda12_8-sm120-avx2-cu128");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(error.parts().next.find("pytorch-python313-cuda12_8-sm120-avx2"), std::string::npos);
  }
}

TEST(PackageNames, DotsBlanksAndOddLettersAreRefused) {
  EXPECT_EQ(why_not_a_package_name("pytorch-python313"), "");
  EXPECT_NE(why_not_a_package_name("armv8.2"), "");
  EXPECT_NE(why_not_a_package_name("a b"), "");
  EXPECT_NE(why_not_a_package_name("1a"), "");
  EXPECT_NE(why_not_a_package_name("../x"), "");
  EXPECT_NE(why_not_a_package_name(std::string(300, 'a')), "");
}

}  // namespace
}  // namespace lathe
