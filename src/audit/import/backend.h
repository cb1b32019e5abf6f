// SPDX-License-Identifier: MIT
// Recipes of which no matrix speaks: builds for ROCm, XPU, Apple's GPUs or Darwin. They are left alone.
#pragma once

#include <string_view>

#include "nix/record.h"

namespace lathe {

// "ROCm", "XPU", "Apple's GPUs", "Darwin", by what the recipe evaluates to or by the words of its file's
// name; "" for CUDA and CPUs.
std::string_view other_backend(std::string_view stem, const Recorded& recorded);

}  // namespace lathe
