// SPDX-License-Identifier: MIT
#include "jobs/repair.h"

#include <gtest/gtest.h>

#include "matrix/expand.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

std::string matrix(const std::string& hash) {
  return "[matrix]\nname = \"m\"\npackage = \"pytorch\"\n\n[nixpkgs.canonical]\nrev = "
         "\"6a030d535719c5190187c4cec156f335e95e3211\"\n\n"
         "[pytorch.\"2.10.0\"] # the source\nhash = \"" +
         hash +
         "\" # of v2.10.0\n\n[[build]]\npytorch = [\"2.10.0\"]\npython = [\"3.13\"]\n"
         "cuda = [\"13.0\"]\ngpus = [\"9.0\"]\nisas = [\"avx2\"]\n";
}

Variant variant_of(const std::string& text) { return expand(parse_matrix(text, "m.toml")).at(0); }

Diagnosis mismatch(const std::string& specified) {
  return diagnose(
             "error: hash mismatch in fixed-output derivation '/nix/store/a-source.drv':\n         "
             "specified: " +
             specified + "\n            got:    sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWM=\n")
      .at(0);
}

constexpr const char* old_hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=";

TEST(HashRepair, ChangesTheOneValueInTheMatrixFileAndNothingElse) {
  const std::string text = matrix(old_hash);
  const auto repair =
      find_hash_repair(text, parse_matrix(text, "m.toml"), variant_of(text), mismatch(old_hash));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->key, "pytorch.2.10.0.hash");
  EXPECT_EQ(repair->where.line, 9U);
  EXPECT_EQ(repair->text, matrix("sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWM="));
}

TEST(HashRepair, AnEmptyHashIsTheFirstBuildThatLearnsIt) {
  const std::string text = matrix("");
  const auto repair = find_hash_repair(text, parse_matrix(text, "m.toml"), variant_of(text),
                                       mismatch("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->text, matrix("sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWM="));
}

TEST(HashRepair, AnotherDerivationsHashIsNotTouched) {
  const std::string text = matrix(old_hash);
  EXPECT_FALSE(find_hash_repair(text, parse_matrix(text, "m.toml"), variant_of(text),
                                mismatch("sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=")));
  EXPECT_FALSE(find_hash_repair(text, parse_matrix(text, "m.toml"), variant_of(text),
                                diagnose("cp: error writing 'x': No space left on device\n").at(0)));
}

constexpr const char* with_cuda_packages =
    "[matrix]\nname = \"m\"\n[nixpkgs.canonical]\nrev = "
    "\"6a030d535719c5190187c4cec156f335e95e3211\"\n[pytorch.\"2.10.0\"]\nhash = \"\"\n"
    "[cuda_packages]\ncuda = \"13.0\"\n@\n[[build]]\npytorch = [\"2.10.0\"]\npython = [\"3.13\"]\ncuda = "
    "[\"13.0\"]\ngpus = [\"9.0\"]\nisas = [\"avx2\"]\n";

std::string cuda_packages(const std::string& lines) {
  std::string text = with_cuda_packages;
  return text.replace(text.find('@'), 1, lines);
}

Diagnosis tarball_mismatch(const std::string& url, const std::string& specified) {
  return diagnose("error: hash mismatch in file downloaded from '" + url +
                  "':\n         specified: sha256:" + specified +
                  "\n         got:       sha256:06fkngr3qhwmhpjgf8337awzw1szwldxs4v8nx79w36lmk75lhfh\n")
      .at(0);
}

constexpr const char* zeros = "0000000000000000000000000000000000000000000000000000";

TEST(HashRepair, ATarballsHashIsKnownAgainInTheOtherSpellingOfNix) {
  const std::string text = cuda_packages(
      "url = \"https://example.org/c.tar.gz\"\nsha256 = "
      "\"sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=\"");
  const auto spec = parse_matrix(text, "m.toml");
  const auto repair =
      find_hash_repair(text, spec, variant_of(text),
                       tarball_mismatch("https://example.org/c.tar.gz",
                                        "056pq9c4pvn50isivdxyk0kgxbnljr5lqq54chny77a2f0n9ka24"));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->key, "cuda_packages.sha256");
  EXPECT_EQ(parse_matrix(repair->text, "m.toml").cuda_packages->sha256, repair->new_hash);
  EXPECT_FALSE(find_hash_repair(text, spec, variant_of(text),
                                tarball_mismatch("https://example.org/c.tar.gz", zeros)));
  EXPECT_FALSE(find_hash_repair(text, spec, variant_of(text),
                                tarball_mismatch("https://example.org/other.tar.gz", zeros)));
}

TEST(HashRepair, ATarballWithoutAHashGetsOneBehindItsAddress) {
  const std::string text = cuda_packages("url = \"https://example.org/c.tar.gz\"");
  auto spec = parse_matrix(text, "m.toml");
  EXPECT_FALSE(spec.cuda_packages->sha256);
  ask_for_tarball_hashes(spec);
  EXPECT_EQ(spec.cuda_packages->sha256, "");
  EXPECT_EQ(spec.nixpkgs.at("canonical")->sha256, "");
  const auto repair = find_hash_repair(text, spec, expand(spec).at(0),
                                       tarball_mismatch("https://example.org/c.tar.gz", zeros));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->text,
            cuda_packages("url = \"https://example.org/c.tar.gz\"\nsha256 = \"" + repair->new_hash + "\""));
}

Diagnosis nccl_mismatch() {
  return diagnose(
             "error: hash mismatch in fixed-output derivation "
             "'/nix/store/00000000000000000000000000000000-nccl_2.28.7-1+cuda13.0_x86_64.txz.drv':\n"
             "         specified: sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n            got:    "
             "sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWM=\n")
      .at(0);
}

TEST(HashRepair, AnArchiveOfCUDAsPackagesIsLearnedIntoATableOfTheMatrix) {
  const std::string text = cuda_packages("from = \"copy\"");
  const auto repair = find_hash_repair(text, parse_matrix(text, "m.toml"), variant_of(text), nccl_mismatch());
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->text,
            cuda_packages("from = \"copy\"\n\n[cuda_packages.hashes]\n\"nccl_2.28.7-1+cuda13.0_x86_64.txz\" "
                          "= \"sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWM=\""));
  const auto mended = parse_matrix(repair->text, "m.toml");
  EXPECT_FALSE(find_hash_repair(repair->text, mended, variant_of(text), nccl_mismatch()))
      << "that hash is known now";

  const std::string other =
      cuda_packages("from = \"copy\"\n[cuda_packages.hashes]\n\"nccl_2.28.7-1+cuda13.0_aarch64.txz\" = \"\"");
  const auto second =
      find_hash_repair(other, parse_matrix(other, "m.toml"), variant_of(other), nccl_mismatch());
  ASSERT_TRUE(second);
  EXPECT_EQ(parse_matrix(second->text, "m.toml").cuda_packages->hashes.size(), 2U);
}

}  // namespace
}  // namespace lathe
