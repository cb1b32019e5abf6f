// SPDX-License-Identifier: MIT
// What a carve would come to, asked of carve itself: advice to carve is given only where carve follows it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "carve/plan/plan.h"

namespace lathe {

struct CarveTrial {
  std::uint64_t before = 0, after = 0;  // bytes of all files
  std::string refused = {};             // why it changes nothing: one sentence; or empty

  std::uint64_t saves() const { return before - std::min(before, after); }
};

// Plans the carve of a library, folder or wheel and writes nothing.
CarveTrial try_carve(const std::filesystem::path& path, const std::vector<CarveTarget>& targets);

}  // namespace lathe
