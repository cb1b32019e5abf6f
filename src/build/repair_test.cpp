// SPDX-License-Identifier: MIT
#include "build/repair.h"

#include <gtest/gtest.h>

#include "matrix/expand.h"

namespace lathe {
namespace {

std::string matrix(const std::string& hash) {
  return "[matrix]\nname = \"m\"\npackage = \"pytorch\"\n\n[nixpkgs.canonical]\nrev = \"6a030d535719c5190187c4cec156f335e95e3211\"\n\n"
         "[pytorch.\"2.10.0\"] # the source\nhash = \"" + hash + "\" # of v2.10.0\n\n[[build]]\npytorch = [\"2.10.0\"]\npython = [\"3.13\"]\n"
         "cuda = [\"13.0\"]\ngpus = [\"9.0\"]\nisas = [\"avx2\"]\n";
}

Variant variant_of(const std::string& text) { return expand(parse_matrix(text, "m.toml")).at(0); }

Diagnosis mismatch(const std::string& specified) {
  return diagnose("error: hash mismatch in fixed-output derivation '/nix/store/a-source.drv':\n         specified: " + specified +
                  "\n            got:    sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWN=\n").at(0);
}

constexpr const char* old_hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=";

TEST(HashRepair, changes_the_one_value_in_the_matrix_file_and_nothing_else) {
  const std::string text = matrix(old_hash);
  const auto repair = find_hash_repair(text, "m.toml", variant_of(text), mismatch(old_hash));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->key, "pytorch.2.10.0.hash");
  EXPECT_EQ(repair->where.line, 9U);
  EXPECT_EQ(repair->text, matrix("sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWN="));
}

TEST(HashRepair, an_empty_hash_is_the_first_build_that_learns_it) {
  const std::string text = matrix("");
  const auto repair = find_hash_repair(text, "m.toml", variant_of(text), mismatch("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  ASSERT_TRUE(repair);
  EXPECT_EQ(repair->text, matrix("sha256-NEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWNEWN="));
}

TEST(HashRepair, another_derivations_hash_is_not_touched) {
  const std::string text = matrix(old_hash);
  EXPECT_FALSE(find_hash_repair(text, "m.toml", variant_of(text), mismatch("sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=")));
  EXPECT_FALSE(find_hash_repair(text, "m.toml", variant_of(text), diagnose("cp: error writing 'x': No space left on device\n").at(0)));
}

}  // namespace
}  // namespace lathe
