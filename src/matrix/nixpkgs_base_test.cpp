// SPDX-License-Identifier: MIT
#include "matrix/nixpkgs_base.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/nixpkgs_columns.h"
#include "matrix/expand.h"
#include "testing/cached_matrix.h"

namespace lathe {
namespace {

std::string with(std::string_view from, std::string_view to) {
  EXPECT_NE(testing::cached_matrix.find(from), std::string_view::npos) << from;
  return replace_all(std::string(testing::cached_matrix), from, to);
}

std::vector<Variant> variants_of(const std::string& text) { return expand(parse_matrix(text, "m.toml")); }
std::vector<Variant> variants_with(std::string_view from, std::string_view to) {
  return variants_of(with(from, to));
}

std::string error_with(std::string_view from, std::string_view to) {
  try {
    variants_with(from, to);
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

std::string verdict(const Variant& variant) {
  return std::string(to_string(variant.cell->status)) + ": " + variant.cell->reason;
}

TEST(NixpkgsBase, ServesEveryGpuOfNixpkgsForEveryCpuAndBuildsNothing) {
  for (const Variant& variant : variants_of(std::string(testing::cached_matrix))) {
    EXPECT_EQ(verdict(variant), "valid: cut out of nixpkgs' own torch, which is compiled for every " +
                                    std::string(to_string(variant.cell->isa->machine)) + " CPU");
    EXPECT_TRUE(variant.of_nixpkgs && variant.is_carved() && !variant.fat && variant.carved_from.empty())
        << variant.name;
    EXPECT_TRUE(variant.cpu_flags().empty());
    EXPECT_EQ(variant.cell->not_served, "");
    EXPECT_FALSE(variant.cell->runs_on.empty());
  }
}

TEST(NixpkgsBase, ServesExactlyTheGpusThatNixpkgsBuildsForByItself) {
  const DefaultGpus* row = default_gpus({.parts = {12, 8}});
  ASSERT_NE(row, nullptr);
  for (const CapabilityRow& each : catalog().capabilities) {
    const auto variants = variants_with("gpus = [\"9.0\", \"12.0\"]",
                                        "gpu = \"" + spell(each.capability, Dialect::dotted) + "\"");
    const bool there = std::ranges::find(row->capabilities, each.capability) != row->capabilities.end();
    const bool some = std::ranges::any_of(
        variants, [](const Variant& variant) { return variant.cell->status == PairStatus::valid; });
    EXPECT_EQ(some, there) << spell(each.capability, Dialect::dotted);
  }
}

TEST(NixpkgsBase, WhatItDoesNotServeIsImpossibleAndSaysWhy) {
  const auto why = [](std::string_view from, std::string_view to) {
    return verdict(variants_with(from, to).front());
  };
  EXPECT_EQ(why("\"avx\"", "\"avx2\""),
            "impossible: nixpkgs' own torch is compiled for every x86_64 CPU, not for avx2");
  EXPECT_EQ(why("\"avx\", \"armv8_2\"", "\"armv9\""),
            "impossible: nixpkgs' own torch is compiled for every aarch64 CPU, not for armv9");
  EXPECT_EQ(why("cuda = \"12.8\"", "cuda = \"12.9\""),
            "impossible: this nixpkgs' own torch is built with CUDA 12.8, not 12.9");
  EXPECT_EQ(why("\"9.0\"", "\"9.0a\""),
            "impossible: nixpkgs' own torch with CUDA 12.8 has code for 7.5, 8.0, 8.6, 8.9, 9.0, 10.0, 12.0, "
            "none for 9.0a");
  EXPECT_EQ(why("\"9.0\"", "[\"8.6\", \"7.0\"]"),
            "impossible: nixpkgs' own torch with CUDA 12.8 has code for 7.5, 8.0, 8.6, 8.9, 9.0, 10.0, 12.0, "
            "none for 7.0");
  const std::string other_release =
      with("pytorch = \"2.9.1\"", "pytorch = \"2.10.0\"") + "[pytorch.\"2.10.0\"]\nhash = \"\"\n";
  const auto other = variants_of(other_release);
  EXPECT_EQ(verdict(other.front()), "impossible: this nixpkgs' own torch is 2.9.1, not 2.10.0");
  EXPECT_EQ(other.front().cell->not_served, other.front().cell->reason);
}

TEST(NixpkgsBase, WhatNoMachineHasStaysSo) {
  const std::string text =
      replace_all(with("gpus = [\"9.0\", \"12.0\"]", "gpu = \"12.1\""),
                  "6a030d535719c5190187c4cec156f335e95e3211", "0d64e2ab3c25c0d9ee9b7bb25ac5a2f2bacff67c");
  const auto variants = variants_of(replace_all(replace_all(text, "2.9.1", "2.14.0"), "12.8", "12.9"));
  EXPECT_TRUE(verdict(variants[0]).starts_with("impossible: no such machine: ")) << verdict(variants[0]);
  EXPECT_EQ(variants[0].cell->not_served, "") << "nixpkgs' torch has the code";
  EXPECT_EQ(variants[1].cell->status, PairStatus::valid) << "GB10 is an Arm machine";
}

TEST(NixpkgsBase, AnotherPythonThanNixpkgsOwnIsServedAndInNoCache) {
  const auto variants = variants_with("[\"3.13\"]", "[\"3.12\", \"3.13\"]");
  const std::string plain = "valid: cut out of nixpkgs' own torch, which is compiled for every x86_64 CPU";
  EXPECT_EQ(verdict(variants[0]), plain + "; caches have that for Python 3.13, for 3.12 it is built first");
  EXPECT_EQ(verdict(variants[4]), plain);
}

TEST(NixpkgsBase, OfAnUnknownRevisionNothingIsGuessed) {
  const std::string unknown = with("6a030d535719c5190187c4cec156f335e95e3211\"",
                                   "0123456789012345678901234567890123456789\"\ntorch = \"2.9.1\"");
  EXPECT_EQ(
      verdict(variants_of(unknown).front()),
      "impossible: the CUDA that this nixpkgs builds its torch with is unknown: set cuda under [nixpkgs]");
  EXPECT_EQ(variants_of(replace_all(unknown, "\ntorch =", "\ncuda = \"12.8\"\ntorch =")).front().cell->status,
            PairStatus::valid);
}

TEST(NixpkgsBase, EveryMistakeIsSaidWithItsPlace) {
  EXPECT_EQ(error_with("\"nixpkgs\"", "\"nixpkg\""),
            "m.toml:7:8: base cannot be \"nixpkg\"\n  fix: did you mean \"nixpkgs\"?");
  EXPECT_EQ(error_with("\"nixpkgs\"", "\"cache\""),
            "m.toml:7:8: base cannot be \"cache\"\n  fix: \"matrix\" builds what others are cut out of, "
            "\"nixpkgs\" takes nixpkgs' own torch");
  EXPECT_EQ(error_with("base =", "bsae ="),
            "m.toml:7:1: unknown key \"bsae\"\n  fix: did you mean \"base\"?");
  EXPECT_EQ(error_with("strategy = \"carve\"\n", ""),
            "m.toml:6:8: base is set, but nothing is carved\n  fix: add strategy = \"carve\"");
  EXPECT_EQ(error_with("\"carve\"", "\"rebuild\""),
            "m.toml:7:8: base is set, but nothing is carved\n  fix: add strategy = \"carve\"");
}

TEST(NixpkgsBase, NothingCanBeAskedOfWhatSomebodyElseHasBuilt) {
  for (const std::string key :
       {"ptx = true", "jobs = 4", "memory_per_job = 4", "compile_cache = \"/var/cache/x\""}) {
    const std::string error = error_with("[carver]", key + "\n[carver]");
    const std::string name = key.substr(0, key.find(' '));
    EXPECT_NE(error.find(": " + name + " and base = \"nixpkgs\" exclude each other"), std::string::npos)
        << error;
  }
  EXPECT_NE(error_with("name = \"slim\"", "name = \"slim\"\ncompanions = [\"torchvision\"]")
                .find("companions and base"),
            std::string::npos);
  for (const std::string table : {"[flags]\navx = [\"-mavx\"]", "[extra.environment]\nUSE_X = 1",
                                  "[cuda_packages]\ncuda = \"12.8\"\nfrom = \"copy\""}) {
    const std::string error = error_with("[carver]", table + "\n[carver]");
    const std::string name = table.substr(0, table.find_first_of(".]")) + "]";
    EXPECT_NE(error.find(name + " and base = \"nixpkgs\" exclude each other"), std::string::npos) << error;
  }
  const std::string error =
      error_with("[carver]", "[[override]]\nmatch = { gpu = \"9.0\" }\njobs = 4\n[carver]");
  EXPECT_NE(error.find("jobs of pytorch-python313-cuda12_8-sm90-avx, which is cut out of nixpkgs' own torch"),
            std::string::npos)
      << error;
}

TEST(NixpkgsBase, CpuVariantsBesideThemAreBuiltAsTheMatrixSays) {
  const std::string text = with("base = \"nixpkgs\"", "base = \"nixpkgs\"\njobs = 4") + R"([[build]]
kind = "cpu"
pytorch = "2.9.1"
python = "3.13"
isas = ["avx2"]
[flags]
avx2 = ["-mavx2"]
[[override]]
match = { name = "*-cpu-*" }
memory_per_job = 3
)";
  const auto variants = variants_of(text);
  ASSERT_EQ(variants.size(), 5u);
  const Variant& cpu = variants.back();
  EXPECT_FALSE(cpu.of_nixpkgs || cpu.is_carved());
  EXPECT_EQ(cpu.settings->jobs, 4u);
  EXPECT_EQ(cpu.settings->memory_per_job_gib, 3u);
  EXPECT_EQ(cpu.cpu_flags(), std::vector<std::string>{"-mavx2"});
  EXPECT_EQ(variants.front().settings->jobs, 0u);
}

TEST(NixpkgsBase, BaseMatrixIsWhatIsMeantWithoutIt) {
  const auto named = variants_with("base = \"nixpkgs\"", "base = \"matrix\"");
  const auto unnamed = variants_with("base = \"nixpkgs\"\n", "");
  ASSERT_EQ(named.size(), unnamed.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    EXPECT_EQ(named[i].name, unnamed[i].name);
    EXPECT_EQ(named[i].carved_from, unnamed[i].carved_from);
    EXPECT_FALSE(named[i].of_nixpkgs);
  }
}

}  // namespace
}  // namespace lathe
