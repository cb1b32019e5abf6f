// SPDX-License-Identifier: MIT
#include "recipe/redist.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "recipe/arch_patch.h"
#include "recipe/render.h"

namespace lathe {
namespace {

constexpr std::string_view good = R"([redist]
cuda = "13.0"
nixpkgs = "6a030d535719c5190187c4cec156f335e95e3211"
[[package]]
name = "cudnn-13_0"
version = "9.13"
description = "cuDNN"
url = "https://example.org/{name}/{platform}/{name}-{version}-{machine}.tar.xz"
source = "a test"
[[package.part]]
name = "cudnn"
version = "9.13.0.50"
hash = { x86_64-linux = "", aarch64-linux = "sha256-eJMQVzIqt4e3KwqYhFYkEu3fbtW97x6vcXlhNRs7PdA=" }
)";

std::string error_with(std::string_view from, std::string_view to) {
  try {
    read_redist(replace_all(std::string(good), from, to), "t.toml");
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST(Redist, TheShippedTableHasTheFourPackagesOfCuda13ForBothSystems) {
  const Redist redist = shipped_redist({{13, 0}});
  for (const char* name : {"cudatoolkit-13_0", "cudnn-13_0", "nccl-13_0", "libcusparse_lt-13_0"}) {
    for (const RedistPart& part : redist.find(name).parts) {
      EXPECT_TRUE(part.hash.contains("x86_64-linux") && part.hash.contains("aarch64-linux")) << part.name;
    }
  }
  const RedistPackage& toolkit = redist.find("cudatoolkit-13_0");
  const auto nvcc = std::ranges::find(toolkit.parts, "cuda_nvcc", &RedistPart::name);
  EXPECT_EQ(toolkit.url_of(*nvcc, "aarch64-linux"),
            "https://developer.download.nvidia.com/compute/cuda/redist/cuda_nvcc/linux-sbsa/"
            "cuda_nvcc-linux-sbsa-13.0.88-archive.tar.xz");
  EXPECT_THROW(shipped_redist({{12, 6}}), Error);
}

TEST(Redist, ARecipeHasItsArchivesAndIsKnownAgain) {
  const Redist redist = read_redist(good, "t.toml");
  const std::string recipe = render_redist(redist, redist.packages[0], "aarch64-linux");
  EXPECT_TRUE(has(recipe, "url = \"https://example.org/cudnn/linux-sbsa/cudnn-9.13.0.50-aarch64.tar.xz\";"));
  EXPECT_TRUE(has(recipe, "system ? \"aarch64-linux\""));
  EXPECT_EQ(authorship_of(recipe), Authorship::generated);
  EXPECT_EQ(authorship_of(replace_all(recipe, "9.13", "9.14")), Authorship::edited);
}

TEST(Redist, SlipsHaveTheirPlace) {
  EXPECT_EQ(error_with("x86_64-linux = \"\"", "x86_64 = \"\""),
            "t.toml:13:19: \"x86_64\" is not a system\n  fix: use one of x86_64-linux, aarch64-linux");
  EXPECT_TRUE(
      error_with("cudnn-13_0", "cudnn-13.0").starts_with("t.toml:5:8: this cannot name a package: a dot"));
  EXPECT_TRUE(error_with("https://", "").starts_with("t.toml:8:7: this is not an address"));
  EXPECT_TRUE(error_with("cuda = \"13.0\"", "cuda = \"13\"")
                  .starts_with("t.toml:2:8: CUDA \"13\" is not in the catalogue"));
  EXPECT_TRUE(error_with("sha256-eJ", "sha256-").find("is not 32 bytes of base64") != std::string::npos);
  EXPECT_TRUE(error_with("\"a test\"", "\"\"").starts_with("t.toml:9:10: every package needs its source"));
  EXPECT_TRUE(error_with("\"cudnn\"\nversion", "\"a/b\"\nversion")
                  .starts_with("t.toml:11:8: \"a/b\" cannot be used"));
}

// A parser of the same shape as PyTorch's, in a release that takes a, and in an old one.
std::string parser(std::string_view number, std::string_view digits) {
  return "function(CUDA_SELECT_NVCC_ARCH_FLAGS out)\n  foreach(arch_name ${ARGN})\n    if(arch_name MATCHES "
         "\"" +
         std::string(number) +
         "\")\n      set(found ${CMAKE_MATCH_1})\n    else()\n      message(SEND_ERROR \"Unknown "
         "${arch_name}\")\n    endif()\n  endforeach()\n"
         "  string(REGEX REPLACE \"\\\\.\" \"\" cuda_arch_bin \"${found}\")\n  string(REGEX MATCHALL \"" +
         std::string(digits) +
         "\" cuda_arch_bin \"${cuda_arch_bin}\")\n  set(${out} sm_${cuda_arch_bin} "
         "PARENT_SCOPE)\nendfunction()\n";
}

TEST(ArchParser, IsWidenedByItsOwnExpressions) {
  const std::string with_a = parser(R"(^([0-9]+\\.[0-9]a?(\\([0-9]+\\.[0-9]\\))?)$)", "[0-9()]+a?");
  const std::string with_f = parser(R"(^([0-9]+\\.[0-9][af]?(\\([0-9]+\\.[0-9]\\))?)$)", "[0-9()]+[af]?");
  const std::string old = parser(R"(^([0-9]\\.[0-9](\\([0-9]\\.[0-9]\\))?)$)", "[0-9()]+");
  EXPECT_EQ(widen_arch_parser(with_a), with_f);
  EXPECT_EQ(widen_arch_parser(with_f), with_f);
  EXPECT_EQ(widen_arch_parser(old), with_f);
  EXPECT_EQ(widen_arch_parser("project(x)\n"), std::nullopt);
}

TEST(ArchParser, UnderCmakeTakesWhatItTookAndWhatItWasWidenedFor) {
  if (!find_program("cmake")) GTEST_SKIP() << "no CMake here";
  const std::string before = parser(R"(^([0-9]+\\.[0-9]a?(\\([0-9]+\\.[0-9]\\))?)$)", "[0-9()]+a?");
  const std::vector<std::string> tokens = {"9.0", "12.0", "12.1a", "sm_90", "90", "12.10", "12.0f"};
  std::string taken, taken_after;
  for (const ArchAnswer& answer : ask_arch_parser(before, tokens)) taken += answer.taken ? '+' : '-';
  for (const ArchAnswer& answer : ask_arch_parser(*widen_arch_parser(before), tokens))
    taken_after += answer.taken ? '+' : '-';
  EXPECT_EQ(taken, "+++----");
  EXPECT_EQ(taken_after, "+++---+");
}

TEST(ArchParser, ThePatchHasOneHunkForNeighboursAndTwoForStrangers) {
  EXPECT_EQ(unified_patch("x", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\nF\n5\n6\n"),
            "--- a/x\n+++ b/x\n@@ -1,6 +1,6 @@\n 1\n 2\n 3\n-4\n+F\n 5\n 6\n");
  std::string lines, changed;
  for (int i = 0; i < 30; ++i) {
    lines += "l" + std::to_string(i) + "\n";
    changed += (i == 2 || i == 25 ? "X" : "l") + std::to_string(i) + "\n";
  }
  const std::string patch = unified_patch("x", lines, changed);
  EXPECT_TRUE(has(patch, "@@ -1,6 +1,6 @@\n l0\n l1\n-l2\n+X2\n l3\n"));
  EXPECT_TRUE(has(patch, "@@ -23,7 +23,7 @@\n l22\n l23\n l24\n-l25\n+X25\n l26\n"));
  EXPECT_EQ(unified_patch("x", "1\n", "1\n"), "");
}

}  // namespace
}  // namespace lathe
