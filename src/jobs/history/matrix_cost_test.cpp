// SPDX-License-Identifier: MIT
#include "jobs/history/matrix_cost.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "matrix/expand.h"

namespace lathe {
namespace {

std::vector<Variant> variants_of(const std::string& settings) {
  return expand(
      parse_matrix("[matrix]\nname = \"x\"\n[nixpkgs.a]\nrev = "
                   "\"6a030d535719c5190187c4cec156f335e95e3211\"\n[pytorch.\"2.10.0\"]\nhash = \"\"\n" +
                       settings +
                       "[[build]]\npytorch = \"2.10.0\"\npython = \"3.13\"\ncuda = \"13.0\"\ngpus = "
                       "[\"8.6\", \"9.0\", \"12.0\", \"12.1\"]\nisas = [\"avx2\", \"avx512\"]\n",
                   "x.toml"));
}

BuildRecord built(const std::string& gpus, double seconds, const std::string& carved_from = "") {
  return {.variant = "pytorch-python313-cuda13_0-" + gpus + "-avx2",
          .seconds = seconds,
          .status = "built",
          .carved_from = carved_from};
}

const StrategyCost& of(const MatrixCost& cost, const std::string& strategy) {
  return *std::ranges::find(cost.strategies, strategy, &StrategyCost::strategy);
}

// 60 seconds of host files, 20 for each GPU.
const std::vector<BuildRecord> two_sizes = {
    built("sm90", 80), built("sm86_sm90_sm120", 120),
    built("sm90", 2, "pytorch-python313-cuda13_0-sm86_sm90_sm120-avx2")};

TEST(MatrixCosts, TwoSizesOfBuildsTellHostFilesFromDeviceCode) {
  const MatrixCost cost = matrix_cost(variants_of(""), two_sizes);
  EXPECT_EQ(cost.variants, 6u) << "12.1 beside x86 can exist nowhere";
  EXPECT_EQ(cost.samples, 2u);
  EXPECT_EQ(cost.carve_samples, 1u);
  EXPECT_DOUBLE_EQ(of(cost, "rebuild").cost.middle, 6 * 80);
  EXPECT_DOUBLE_EQ(of(cost, "rebuild").cost.low, 6 * 80 * 0.8);
  EXPECT_DOUBLE_EQ(of(cost, "rebuild, compile_cache").cost.middle, 2 * 60 + 3 * 20);
  EXPECT_DOUBLE_EQ(of(cost, "carve").cost.middle, 2 * 140 + 6 * 2)
      << "the common build has 12.1 too: the matrix asks for it";
  EXPECT_DOUBLE_EQ(of(cost, "carve, compile_cache").cost.middle, 2 * 60 + 3 * 20 + 6 * 2);
  EXPECT_EQ(of(cost, "carve").builds, 2u);
  EXPECT_EQ(of(cost, "carve").carves, 6u);
  EXPECT_EQ(of(cost, "rebuild").builds, 6u);
}

TEST(MatrixCosts, AreTheSameForAMatrixOfEitherStrategy) {
  const MatrixCost carve = matrix_cost(
      variants_of("[settings]\nstrategy = \"carve\"\n[carver]\nurl = \"https://example.org/x.tar.gz\"\n"),
      two_sizes);
  EXPECT_EQ(carve.variants, 6u);
  EXPECT_DOUBLE_EQ(of(carve, "carve").cost.middle, 2 * 140 + 6 * 2);
}

TEST(MatrixCosts, OneSizeAloneLeavesARange) {
  const MatrixCost cost =
      matrix_cost(variants_of(""), {built("sm90", 100), built("sm86", 110), built("sm86", 120)});
  const SecondsRange& rebuild = of(cost, "rebuild").cost;
  EXPECT_DOUBLE_EQ(rebuild.low, 600);
  EXPECT_DOUBLE_EQ(rebuild.middle, 660);
  EXPECT_DOUBLE_EQ(rebuild.high, 720);
  const SecondsRange& carve = of(cost, "carve").cost;
  EXPECT_DOUBLE_EQ(carve.low, 2 * (80 + 4 * 20) + 6 * 1);
  EXPECT_DOUBLE_EQ(carve.high, 2 * (12 + 4 * 108) + 6 * 60);
  EXPECT_EQ(cost.carve_samples, 0u);
}

TEST(MatrixCosts, WithoutAMeasuredBuildCountBuilds) {
  const MatrixCost cost =
      matrix_cost(variants_of(""),
                  {built("sm90", 2, "another"), {.variant = "magma-2.9.0", .seconds = 9, .status = "built"}});
  EXPECT_EQ(cost.samples, 0u);
  EXPECT_DOUBLE_EQ(of(cost, "rebuild").cost.middle, 6);
  EXPECT_NEAR(of(cost, "carve").cost.middle, 2 * (0.4 + 4 * 0.6), 1e-9);
}

TEST(MatrixCosts, BuildsThatFailedAndFasterBigOnesDoNoHarm) {
  std::vector<BuildRecord> records = {built("sm90", 100), built("sm86_sm90", 50)};
  records.push_back({.variant = "pytorch-python313-cuda13_0-sm90-avx2", .seconds = 5000, .status = "failed"});
  const MatrixCost cost = matrix_cost(variants_of(""), records);
  for (const StrategyCost& each : cost.strategies) {
    EXPECT_GE(each.cost.low, 0) << each.strategy;
    EXPECT_LE(each.cost.low, each.cost.middle) << each.strategy;
    EXPECT_LE(each.cost.middle, each.cost.high) << each.strategy;
  }
}

}  // namespace
}  // namespace lathe
