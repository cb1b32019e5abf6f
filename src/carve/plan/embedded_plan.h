// SPDX-License-Identifier: MIT
// Of the device code that a library keeps as data (embedded.h): which machine code no target could ever run.
// The library finds its containers by pointers of its own, so all of them stay where they are, with every
// header: only the payloads of such images go. What the driver says of such a container is the same before
// and after: it judges by the headers. PTX and LTO IR are sources, for GPUs that they do not name: they stay.
// Pure: reads headers and relocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "carve/plan/plan.h"
#include "device/embedded.h"
#include "device/target.h"
#include "formats/elf.h"

namespace lathe {

// The payload of one image, in bytes of the old file.
struct EmptiedPayload {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t address = 0;
  // Nothing else of its container is wanted: its pages may leave the file. Else a reader must find the
  // images behind it.
  bool alone = false;
  // Nothing leads there any more: it need not stay in memory, and the program header table may lie there.
  bool unused = false;
};

struct EmbeddedPlan {
  std::vector<EmptiedPayload> emptied = {};  // by offset
  std::uint64_t bytes = 0;                   // of them
  std::vector<Target> gone = {};             // for which they were made, ascending, each once

  bool empty() const { return emptied.empty(); }
};

// Machine code that runs on none of the targets: not only what the driver picks stays, but all that it could
// run.
bool runs_on_some(const TargetCode& code, std::span<const CarveTarget> targets);

// Without targets nothing goes. Left out: what a relocation writes into, and what is not loaded.
EmbeddedPlan plan_embedded(const Elf& elf, const EmbeddedCode& embedded,
                           std::span<const CarveTarget> targets);

// "10.0, 12.0"
std::string spell_all(std::span<const Target> targets);

}  // namespace lathe
