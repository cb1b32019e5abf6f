// SPDX-License-Identifier: MIT
// An axis from the matrix to names, recipe, record and filter.
#include "matrix/axis_table.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "hardware/compat.h"
#include "matrix/expand.h"
#include "matrix/spec.h"
#include "matrix/variant.h"
#include "recipe/render.h"
#include "select/variant_record.h"

namespace lathe {
namespace {

// Two libraries for two machines with CUDA, one for a CPU, and a block without the axis.
constexpr std::string_view with_blas = R"([matrix]
name = "few"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[[build]]
pytorch = "2.9.1"
python = "3.13"
cuda = "12.8"
gpus = "9.0"
isas = ["avx2", "armv9"]
blas = ["mkl", "openblas"]
[[build]]
kind = "cpu"
pytorch = "2.9.1"
python = "3.13"
isas = "avx2"
blas = "mkl"
[[build]]
kind = "cpu"
pytorch = "2.9.1"
python = "3.13"
isas = "avx2"
)";

std::string names_of(const std::vector<Variant>& variants) {
  std::string text;
  for (const Variant& variant : variants) text += variant.name + "\n";
  return text;
}

std::string error_with(std::string_view from, std::string_view to) {
  try {
    expand(parse_matrix(replace_all(std::string(with_blas), from, to), "m.toml"));
  } catch (const Error& error) {
    return error.text();
  }
  return "accepted";
}

TEST(Axes, BlasIsInTheNamesOfTheBlocksThatHaveIt) {
  const std::vector<Variant> variants = expand(parse_matrix(with_blas, "m.toml"));
  EXPECT_EQ(names_of(variants),
            "pytorch-python313-cuda12_8-sm90-avx2-mkl\npytorch-python313-cuda12_8-sm90-avx2-openblas\n"
            "pytorch-python313-cuda12_8-sm90-armv9-mkl\npytorch-python313-cuda12_8-sm90-armv9-openblas\n"
            "pytorch-python313-cpu-avx2-mkl\npytorch-python313-cpu-avx2\n");
  for (const Variant& variant : variants) EXPECT_EQ(parse_variant_name(variant.name).text(), variant.name);
  EXPECT_EQ(parse_variant_name(variants[0].name).words, std::vector<std::string>{"mkl"});
  EXPECT_FALSE(read_variant_name("pytorch-python313-cpu-avx2-mkl-openblas").problems.empty());
}

TEST(Axes, ALibraryThatAMachineLacksIsImpossibleThere) {
  const MatrixSpec spec = parse_matrix(with_blas, "m.toml");
  const Cell arm = *find_variant(spec, "pytorch-python313-cuda12_8-sm90-armv9-mkl").cell;
  EXPECT_EQ(arm.status, PairStatus::impossible);
  EXPECT_EQ(arm.reason, "there is no Intel MKL for aarch64 CPUs");
  EXPECT_TRUE(arm.runs_on.empty());
  EXPECT_NE(find_variant(spec, "pytorch-python313-cuda12_8-sm90-armv9-openblas").cell->status,
            PairStatus::impossible);
}

TEST(Axes, TheWordReachesRecipeRecordAndFilter) {
  const MatrixSpec spec = parse_matrix(with_blas, "m.toml");
  const Variant mkl = find_variant(spec, "pytorch-python313-cpu-avx2-mkl"),
                none = find_variant(spec, "pytorch-python313-cpu-avx2");
  const std::string recipe = render(spec, mkl);
  for (const char* line : {"blas = (pkgs.blas.override { blasProvider = pkgs.mkl; });", "allowUnfree = true;",
                           "blas = \"mkl\";", "CPUs (AVX2 with FMA and F16C), with Intel MKL"})
    EXPECT_NE(recipe.find(line), std::string::npos) << line;
  EXPECT_EQ(render(spec, none).find("blas"), std::string::npos);
  EXPECT_NE(variant_json(mkl).find("\"isa\":\"avx2\",\"cuda\":null,\"blas\":\"mkl\""), std::string::npos);
  EXPECT_EQ(variant_json(none).find("blas"), std::string::npos);
  EXPECT_TRUE(matches({.globs = {{"blas", {"mkl"}}}}, mkl));
  EXPECT_FALSE(matches({.globs = {{"blas", {"mkl"}}}}, none));
  EXPECT_TRUE(matches({.globs = {{"blas", {"none"}}}}, none));
}

TEST(Axes, MistakesAreSaid) {
  EXPECT_EQ(error_with("\"openblas\"", "\"openblass\""),
            "m.toml:11:16: unknown blas \"openblass\"\n  fix: did you mean \"openblas\"?");
  EXPECT_NE(
      error_with("blas = \"mkl\"\n", "name = \"{package}-{isa}-{blas}\"\n").find("this block has no blas"),
      std::string::npos);
  EXPECT_NE(error_with("[nixpkgs.main]", "[extra.override]\nblas = \"pkgs.blas\"\n[nixpkgs.main]")
                .find("say it in one of the two"),
            std::string::npos);
}

// One row that is walked twice, or left out, changes a name or a column.
TEST(Axes, EachHasItsPlaceInBothOrders) {
  for (std::size_t i = 0; i < axes().size(); ++i) {
    EXPECT_EQ(axes_by_nesting()[i]->nesting, static_cast<int>(i));
    EXPECT_EQ(axes_by_column()[i]->column, static_cast<int>(i));
  }
}

}  // namespace
}  // namespace lathe
