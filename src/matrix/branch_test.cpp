// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "hardware/compat.h"
#include "matrix/expand.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

constexpr std::string_view head = R"([matrix]
name = "test"
[nixpkgs.old]
rev = "fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3"
[nixpkgs.new]
rev = "0182a361324364ae3f436a63005877674cf45efb"
[[branch]]
name = "2.8"
pytorch = "2.8.0"
python = ["3.12", "3.13"]
cuda = ["12.8", "12.9"]
nixpkgs = "old"
[[branch]]
name = "2.9"
pytorch = "2.9.1"
python = ["3.13"]
cuda = { "12.9" = "old", "13.0" = "new" }
nixpkgs = "new"
)";
constexpr std::string_view names = "name = \"{package}{pytorch}-python{python}-cuda{cuda}-{gpu}-{isa}\"\n";

std::vector<Variant> expand_text(const std::string& text) {
  return expand(parse_matrix(std::string(head) + text, "m.toml"));
}

std::string error_of(const std::string& text) {
  try {
    expand_text(text);
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

std::string build(const std::string& more) {
  return "[[build]]\ngpus = [\"9.0\"]\nisas = [\"avx2\"]\n" + more;
}

TEST(Branches, GiveABlockTheirPytorchPythonsCudaAndNixpkgs) {
  const auto variants = expand_text(build(std::string(names)));
  std::set<std::string> got;
  for (const Variant& variant : variants) got.insert(variant.name + " " + variant.nixpkgs->name);
  EXPECT_EQ(got,
            (std::set<std::string>{
                "pytorch28-python312-cuda12_8-sm90-avx2 old", "pytorch28-python313-cuda12_8-sm90-avx2 old",
                "pytorch28-python312-cuda12_9-sm90-avx2 old", "pytorch28-python313-cuda12_9-sm90-avx2 old",
                "pytorch29-python313-cuda12_9-sm90-avx2 old", "pytorch29-python313-cuda13_0-sm90-avx2 new"}));
}

TEST(Branches, ABlockMayWantSomeOfThem) {
  const auto variants = expand_text(build("cuda = [\"12.9\"]\npython = [\"3.12\"]\n"));
  ASSERT_EQ(variants.size(), 1u);
  EXPECT_EQ(variants[0].pytorch->version, "2.8.0");
  EXPECT_EQ(expand_text(build("branches = [\"2.9\"]\n")).size(), 2u);
  EXPECT_EQ(expand_text("[[build]]\nkind = \"cpu\"\nisas = [\"avx2\"]\nname = "
                        "\"{package}{pytorch}-python{python}-cpu-{isa}\"\n")
                .size(),
            3u);
}

TEST(Branches, NamesThatCollideAreAnErrorThatNamesBothBranches) {
  EXPECT_TRUE(error_of(build("")).starts_with(
      "m.toml:19:1: two variants are called pytorch-python313-cuda12_9-sm90-avx2: PyTorch 2.8.0 of the "
      "branch \"2.8\" (m.toml:7:1) "
      "and PyTorch 2.9.1 of the branch \"2.9\" (m.toml:13:1)"))
      << error_of(build(""));
}

TEST(Branches, SlipsHaveTheirPlace) {
  EXPECT_TRUE(error_of(build("branches = [\"2.7\"]\n"))
                  .starts_with("m.toml:22:13: there is no [[branch]] called \"2.7\""));
  EXPECT_TRUE(error_of(build("python = [\"3.9\"]\n"))
                  .starts_with("m.toml:19:1: no branch has what this block asks for"));
  EXPECT_TRUE(error_of(build("nixpkgs = \"old\"\n"))
                  .starts_with("m.toml:22:11: a block of branches has the nixpkgs of each branch"));
  EXPECT_TRUE(
      error_of("[[branch]]\nname = \"2.8\"\npytorch = \"2.8.0\"\npython = \"3.13\"\nnixpkgs = \"old\"\n" +
               build(""))
          .starts_with("m.toml:20:8: two branches are called \"2.8\""));
  EXPECT_TRUE(
      error_of("[[branch]]\nname = \"x\"\npytorch = \"2.8.0\"\npython = \"3.13\"\nnixpkgs = \"od\"\n" +
               build(""))
          .starts_with("m.toml:23:11: there is no [nixpkgs.od] table"));
  EXPECT_TRUE(error_of("[[branch]]\nname = \"x\"\npytorch = \"2.8.0\"\npython = \"3.13\"\ncuda = { \"13\" = "
                       "\"old\" }\nnixpkgs = \"old\"\n" +
                       build(""))
                  .starts_with("m.toml:23:10: CUDA \"13\" is not in the catalogue"));
}

TEST(Branches, WhatPytorchItselfRefusesIsImpossible) {
  const auto of = [](const std::string& gpu, const std::string& cuda, const std::string& pytorch) {
    return expand_text("[pytorch.\"" + pytorch + "\"]\nhash = \"\"\n[[build]]\npytorch = \"" + pytorch +
                       "\"\npython = \"3.13\"\ncuda = \"" + cuda + "\"\ngpu = \"" + gpu +
                       "\"\nisa = \"avx2\"\nnixpkgs = \"new\"\n")
        .front()
        .cell;
  };
  EXPECT_EQ(of("12.0", "13.0", "2.8.0")->reason,
            "PyTorch 2.8 does not build with CUDA 13.0: the last that it builds with is 12.9");
  EXPECT_EQ(of("12.0f", "12.9", "2.9.1")->reason,
            "PyTorch 2.9's select_compute_arch.cmake refuses 12.0f: of the suffixes it takes a alone");
  EXPECT_EQ(of("12.0f", "12.9", "2.11.0")->status, PairStatus::valid);
  EXPECT_EQ(of("12.0a", "12.9", "2.9.1")->status, PairStatus::valid);
  EXPECT_EQ(of("12.0f", "12.9", "2.99.0")->status, PairStatus::valid) << "nobody knows of a refusal";
  EXPECT_EQ(of("9.0a", "12.8", "2.3.1")->reason,
            "PyTorch 2.3's select_compute_arch.cmake refuses 9.0a: it takes no suffix");
}

TEST(Branches, ATreeThatWasReadKnowsBetterThanItsRelease) {
  const auto status = [](const std::string& more) {
    return expand_text(
               "[pytorch.\"2.10.0\"]\nhash = \"\"\n" + more +
               "[[build]]\npytorch = \"2.10.0\"\npython = \"3.13\"\ncuda = \"13.0\"\ngpu = \"12.0f\"\n"
               "isa = \"avx2\"\nnixpkgs = \"new\"\n")
        .front()
        .cell->status;
  };
  EXPECT_EQ(status(""), PairStatus::impossible);
  EXPECT_EQ(status("suffixes = [\"a\", \"f\"]\n"), PairStatus::valid);
  EXPECT_EQ(status("arch_patch = \"--- a/select_compute_arch.cmake\"\n"), PairStatus::valid);
}

}  // namespace
}  // namespace lathe
