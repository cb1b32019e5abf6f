// SPDX-License-Identifier: MIT
// Every mistake in a matrix file is one error with file, line, column and what to do.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "hardware/capability.h"
#include "matrix/spec.h"

namespace lathe {
namespace {

constexpr std::string_view good = R"([matrix]
name = "test"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[[build]]
pytorch = ["2.10.0"]
python = ["3.13"]
cuda = ["13.0"]
gpus = ["12.0", "9.0"]
isas = ["avx2"]
)";

std::string error_of(std::string_view text) {
  try {
    parse_matrix(text, "m.toml");
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

// The error after one replacement in the good file.
std::string error_with(std::string_view from, std::string_view to) {
  EXPECT_NE(good.find(from), std::string_view::npos);
  return error_of(replace_all(std::string(good), from, to));
}

TEST(ParseMatrix, ReadsAGoodFile) {
  const MatrixSpec spec = parse_matrix(good, "m.toml");
  EXPECT_EQ(spec.name, "test");
  ASSERT_EQ(spec.blocks.size(), 1u);
  EXPECT_EQ(spec.blocks[0].gpus[1].value, (std::vector<Capability>{{9, 0}}));
  EXPECT_EQ(spec.blocks[0].gpus[1].where.text(), "m.toml:11:17");
  EXPECT_EQ(spec.nixpkgs.at("main")->torch, "2.9.1")
      << "what a known revision ships comes from the catalogue";
}

TEST(ParseMatrix, UnknownKeysAreErrorsWithAGuess) {
  EXPECT_EQ(error_with("gpus =", "gpsu ="),
            "m.toml:11:1: unknown key \"gpsu\"\n  fix: did you mean \"gpus\"?");
  EXPECT_EQ(error_with("[pytorch.\"2.10.0\"]", "[pytorhc.\"2.10.0\"]"),
            "m.toml:5:2: unknown key \"pytorhc\"\n  fix: did you mean \"pytorch\"?");
}

TEST(ParseMatrix, AWrongGpuDialectIsNamedAndCorrected) {
  const std::string error = error_with("\"9.0\"", "\"sm_90\"");
  EXPECT_TRUE(error.starts_with("m.toml:11:17: ")) << error;
  EXPECT_NE(error.find("\"9.0\""), std::string::npos) << error;
  EXPECT_NE(error_with("\"9.0\"", "\"9.3\"").find("9.3 is not in the catalogue"), std::string::npos);
  EXPECT_NE(error_with("\"9.0\"", "\"12.0\"").find("listed twice in gpus"), std::string::npos);
}

TEST(ParseMatrix, WrongTypesAndValuesNameTheirPlace) {
  EXPECT_EQ(error_with("[\"avx2\"]", "[7]"),
            "m.toml:12:9: text in quotes expected here, this is a whole number");
  EXPECT_TRUE(
      error_with("\"avx2\"", "\"avx22\"").starts_with("m.toml:12:9: \"avx22\" is not an instruction set"));
  EXPECT_TRUE(
      error_with("\"13.0\"", "\"13\"").starts_with("m.toml:10:9: CUDA \"13\" is not in the catalogue"));
  EXPECT_TRUE(error_with("\"3.13\"", "\"313\"").starts_with("m.toml:9:11: \"313\" is not a Python release"));
  EXPECT_TRUE(error_with("[\"avx2\"]", "[]").starts_with("m.toml:12:8: isas is empty"));
  EXPECT_TRUE(error_with("6a030d535719c5190187c4cec156f335e95e3211", "main")
                  .starts_with("m.toml:4:7: \"main\" is not a git revision"));
}

TEST(ParseMatrix, HashesMustBeSri) {
  EXPECT_TRUE(error_with("sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=", "RKiZLHBCneMtZ")
                  .starts_with("m.toml:6:8: \"RKiZLHBCneMtZ\" is not an SRI hash"));
  EXPECT_NE(error_with("C1xQ=", "C1x=").find("is not 32 bytes of base64"), std::string::npos);
  EXPECT_NE(error_with("C1xQ=", "C1xR=").find("is not 32 bytes of base64"), std::string::npos)
      << "spare bits must be zero";
  EXPECT_EQ(error_with("sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=", ""), "accepted")
      << "a first build finds it";
}

TEST(ParseMatrix, AReleaseWithoutASourceIsAnError) {
  EXPECT_NE(
      error_with("pytorch = [\"2.10.0\"]", "pytorch = [\"2.11.0\"]").find("PyTorch 2.11.0 has no source"),
      std::string::npos);
  EXPECT_EQ(error_with("pytorch = [\"2.10.0\"]", "pytorch = [\"2.9.1\"]"), "accepted")
      << "the revision ships it";
}

TEST(ParseMatrix, AbsurdAxesAreRefusedBeforeTheyAreExpanded) {
  std::string versions;
  for (int i = 0; i < 10000; ++i) versions += "\"3." + std::to_string(i) + "\",";
  std::string sources, releases;
  for (int i = 0; i < 1000; ++i) {
    releases += "\"9." + std::to_string(i) + ".0\",";
    sources += "[pytorch.\"9." + std::to_string(i) + ".0\"]\nhash=\"\"\n";
  }
  std::string text = replace_all(std::string(good), "[\"3.13\"]", "[" + versions + "]");
  text = replace_all(text, "pytorch = [\"2.10.0\"]", "pytorch = [" + releases + "]");
  text = replace_all(text, "[[build]]", sources + "[[build]]");
  EXPECT_NE(error_of(text).find("these axes make 20000000 variants; at most 10000000"), std::string::npos);
}

TEST(ParseMatrix, FlagsThatAskMoreThanTheInstructionSetAreErrors) {
  const std::string error = error_of(std::string(good) + "[flags]\navx2 = [\"-mavx2\", \"-mavx512f\"]\n");
  EXPECT_TRUE(error.starts_with("m.toml:14:19: -mavx512f enables avx512f, which avx2 does not have"))
      << error;
  EXPECT_EQ(error_of(std::string(good) + "[flags]\navx2 = [\"-mavx2\", \"-mfma\"]\n"), "accepted");
  EXPECT_NE(error_of(std::string(good) + "[flags]\navx2 = [\"-mavx2; rm -rf\"]\n").find("not a machine flag"),
            std::string::npos);
}

TEST(ParseMatrix, RowsMustSayWhatTheyMean) {
  EXPECT_NE(
      error_of(std::string(good) + "[[exclude]]\nmatch = {}\nreason = \"x\"\n").find("matches every variant"),
      std::string::npos);
  EXPECT_NE(error_of(std::string(good) + "[[override]]\nmatch = {gpu = \"12.0\"}\n").find("changes nothing"),
            std::string::npos);
  EXPECT_NE(
      error_of(std::string(good) + "[[silence]]\nrule = \"x\"\nreason = \" \"\n").find("needs a reason"),
      std::string::npos);
  EXPECT_NE(error_with("isas = [\"avx2\"]", "isas = [\"avx2\"]\nname = \"{pakage}\"")
                .find("did you mean \"package\""),
            std::string::npos);
}

}  // namespace
}  // namespace lathe
