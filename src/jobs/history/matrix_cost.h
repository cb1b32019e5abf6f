// SPDX-License-Identifier: MIT
// What a whole matrix costs by each strategy, from builds that were measured. Pure; knows neither Nix nor
// the disk.
//
// The model: a build for g GPUs takes H + g * D seconds, H for its host files and D for its device code for
// one GPU. Builds for different numbers of GPUs tell both; from one number alone D's share is between a
// fifth and nine tenths (guess: 0.6). With a compile cache each D counts once for each GPU and each H once
// for each instruction set; links and configuring come on top.
#pragma once

#include <string>
#include <vector>

#include "jobs/history/history.h"
#include "matrix/variant.h"

namespace lathe {

struct SecondsRange {
  double middle = 0, low = 0, high = 0;  // seconds
};

struct StrategyCost {
  std::string strategy;  // "rebuild", "rebuild, compile_cache", "carve", "carve, compile_cache"
  std::size_t builds = 0, carves = 0;
  SecondsRange cost;
};

struct MatrixCost {
  std::size_t variants = 0;
  // builds that the model is from; 0: `cost` counts builds for one GPU, not seconds
  std::size_t samples = 0;
  std::size_t carve_samples = 0;  // 0: the time of a carve is a guess
  SecondsRange carve;             // of one variant
  std::vector<StrategyCost> strategies;
};

// `variants`: of a whole matrix, of either strategy. Those that no machine can run count not; `records`:
// newest first.
MatrixCost matrix_cost(const std::vector<Variant>& variants, const std::vector<BuildRecord>& records);

}  // namespace lathe
