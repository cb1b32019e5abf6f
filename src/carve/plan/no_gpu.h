// SPDX-License-Identifier: MIT
// `--gpu none`: a target that no code is for, so that a carve keeps no image. What is data keeps its sources.
#pragma once

#include <span>

#include "carve/plan/plan.h"

namespace lathe {

CarveTarget no_gpu();
bool is_no_gpu(const CarveTarget& target);
bool is_no_gpu(std::span<const CarveTarget> targets);  // it stands alone

}  // namespace lathe
