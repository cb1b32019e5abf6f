// SPDX-License-Identifier: MIT
// Which runs of an original are in its slim file, by the bytes alone: it does not matter who made it slim,
// nor how. Runs of a few hundred bytes and more are found wherever they moved to.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace lathe {

struct DeltaRun {
  std::uint64_t at = 0, size = 0;  // in the original
  bool kept = false;               // the slim file has it
  std::uint64_t slim_at = 0;       // where, if it does
};

// The whole original, in order. Private memory: 32 MiB at most.
std::vector<DeltaRun> delta(ByteSpan original, ByteSpan slim);

}  // namespace lathe
