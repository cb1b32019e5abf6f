// SPDX-License-Identifier: MIT
// Containers that list their images at their start (Vendor::has_lists): images that no target could run
// become zeros where they lie, their whole pages leave the file, and the list names the others alone. Nothing
// moves in memory, and one hole is not loaded any more: the program header table goes there. What is packed
// together as one piece stays. Pure: reads lists and relocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "carve/plan/embedded_plan.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "formats/elf.h"

namespace lathe {

// What a list becomes; of the same length.
struct NewList {
  std::uint64_t address = 0;
  std::string bytes = {};
};

// Zeros between images that go. They go too.
struct ZeroGap {
  std::uint64_t address = 0, size = 0;
};

struct BundlePlan {
  DeviceContents kept = {};                 // all that stays
  EmbeddedCode code = {};                   // the containers that may lose images
  EmbeddedPlan emptied = {};                // of their images
  std::vector<EmptiedPayload> joined = {};  // the same with the zeros between neighbours
  std::vector<ZeroGap> gaps = {};           // those zeros
  std::vector<NewList> lists = {};
  CarveTotals totals = {};
  std::size_t packed = 0;   // containers packed as one piece
  std::size_t serving = 0;  // containers with code for one of the targets at least
};

BundlePlan plan_bundles(const Elf& elf, const DeviceContents& contents, std::span<const CarveTarget> targets);

// Does `carved` list exactly the images of `old` that some target runs, or that were not to go, each with the
// bytes that it had? One text for each container that does not.
std::vector<std::string> check_bundles(const Elf& old_file, const BundlePlan& plan, const Elf& carved,
                                       std::span<const CarveTarget> targets);

}  // namespace lathe
