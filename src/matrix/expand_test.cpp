// SPDX-License-Identifier: MIT
#include "matrix/expand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "hardware/compat.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

constexpr std::string_view head = R"([matrix]
name = "test"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = ""
[[build]]
pytorch = ["2.10.0"]
python = ["3.13"]
cuda = ["13.0"]
gpus = ["12.0", "11.0"]
isas = ["avx2", "armv9"]
)";

std::vector<Variant> expand_text(const std::string& text) { return expand(parse_matrix(text, "m.toml")); }

std::string error_of(const std::string& text) {
  try {
    expand_text(text);
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

TEST(Expand, GivesEveryVariantAStatusAndAReason) {
  const auto variants = expand_text(std::string(head));
  ASSERT_EQ(variants.size(), 4u);
  EXPECT_EQ(variants[0].name, "pytorch-python313-cuda13_0-sm120-avx2");
  EXPECT_EQ(variants[0].cell->status, PairStatus::valid);
  EXPECT_EQ(variants[2].name, "pytorch-python313-cuda13_0-sm110-avx2");
  EXPECT_EQ(variants[2].cell->status, PairStatus::impossible);
  EXPECT_EQ(variants[3].cell->status, PairStatus::valid);
  for (const Variant& variant : variants) EXPECT_FALSE(variant.cell->reason.empty()) << variant.name;
}

TEST(Expand, NamesTheProductsThatCanRunIt) {
  const auto variants = expand_text(std::string(head));
  const auto& x86 = variants[0].cell->runs_on;
  EXPECT_NE(std::ranges::find(x86, "GeForce RTX 5090"), x86.end());
  for (const std::string& name : x86)
    EXPECT_EQ(name.find("GB10"), std::string::npos) << "GB10 has no x86 processor";
  const auto& arm = variants[1].cell->runs_on;
  EXPECT_TRUE(std::ranges::any_of(arm, [](const std::string& name) {
    return name.find("GB10") != std::string::npos;
  })) << "a 12.0 build for armv9 runs on 12.1";
}

TEST(Expand, ACompilerThatIsTooOldMakesItImpossible) {
  std::string text(head);
  text.replace(text.find("13.0"), 4, "12.8");
  const auto variants = expand_text(text);
  EXPECT_EQ(variants[3].cell->status, PairStatus::impossible);
  EXPECT_NE(variants[3].cell->reason.find("13.0"), std::string::npos) << variants[3].cell->reason;
}

TEST(Expand, DropLeavesOutWhatCannotBe) {
  std::string text(head);
  text.replace(text.find("name = \"test\""), 13, "name = \"test\"\ndrop = [\"impossible\"]");
  for (const Variant& variant : expand_text(text)) EXPECT_NE(variant.cell->status, PairStatus::impossible);
  EXPECT_LT(expand_text(text).size(), 4u);
}

TEST(Expand, TwoVariantsWithOneNameAreAnErrorThatNamesBothPlaces) {
  const std::string text =
      std::string(head) +
      "[[include]]\npytorch=\"2.10.0\"\npython=\"3.13\"\ncuda=\"13.0\"\ngpu=\"12.0\"\nisa=\"avx2\"\n";
  EXPECT_TRUE(
      error_of(text).starts_with("m.toml:13:1: two variants are called "
                                 "pytorch-python313-cuda13_0-sm120-avx2; the first is made at m.toml:7:1"))
      << error_of(text);
}

TEST(Expand, NamesThatNixCannotUseAreErrors) {
  const std::string error = error_of(std::string(head) + "name = \"torch.{isa}-{gpu}\"\n");
  EXPECT_NE(error.find("cannot be used: a dot separates attributes in Nix"), std::string::npos) << error;
}

TEST(Expand, RowsAreAppliedAndDeadOnesAreErrors) {
  const std::string row = "[[override]]\nmatch = {gpu = \"12.*\"}\njobs = 7\n";
  const auto variants = expand_text(std::string(head) + row);
  EXPECT_EQ(variants[0].settings->jobs, 7u);
  EXPECT_EQ(variants[2].settings->jobs, 0u);
  EXPECT_NE(error_of(std::string(head) + "[[override]]\nmatch = {gpu = \"8.6\"}\njobs = 7\n")
                .find("matches no variant"),
            std::string::npos);
  EXPECT_EQ(
      expand_text(std::string(head) + "[[exclude]]\nmatch = {isa = \"armv9\"}\nreason = \"x\"\n").size(), 2u);
  EXPECT_NE(error_of(std::string(head) + "[aliases]\nold = \"none\"\n").find("which no block makes"),
            std::string::npos);
}

TEST(Expand, SeveralGpusInOneBuildShareAName) {
  std::string text(head);
  text.replace(text.find("[\"12.0\", \"11.0\"]"), 16, "[[\"8.9\", \"8.6\"]]");
  const auto variants = expand_text(text);
  ASSERT_EQ(variants.size(), 2u);
  EXPECT_EQ(variants[0].name, "pytorch-python313-cuda13_0-sm86_sm89-avx2");
  EXPECT_EQ(variants[0].arch_list(), (std::vector<std::string>{"8.6", "8.9"}));
}

TEST(FindVariant, KnowsAliasesAndGuesses) {
  const MatrixSpec spec = parse_matrix(
      std::string(head) + "[aliases]\nold = \"pytorch-python313-cuda13_0-sm120-avx2\"\n", "m.toml");
  EXPECT_EQ(find_variant(spec, "old").name, "pytorch-python313-cuda13_0-sm120-avx2");
  try {
    find_variant(spec, "pytorch-python313-cuda13_0-sm120-avx");
    FAIL() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().next, "did you mean \"pytorch-python313-cuda13_0-sm120-avx2\"?");
  }
}

}  // namespace
}  // namespace lathe
