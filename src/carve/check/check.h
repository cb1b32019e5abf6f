// SPDX-License-Identifier: MIT
// Proves that a carved file is what it should be, from its bytes alone: it is read again as if it came from
// a stranger, and held against the old one. Knows nothing of how it was written (layout.h, rewrite.h), so a
// mistake there cannot hide here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/finding.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "carve/plan/plan.h"
#include "formats/elf.h"

namespace lathe {

// Loaded bytes that were meant to change besides the device code: PyTorch's list of architectures.
struct MeantChange {
  std::uint64_t address = 0, size = 0;
};

struct CheckOptions {
  std::vector<CarveTarget> targets = {};
  std::vector<ContainerIndex> referenced = {};  // containers of the old file, as plan_carve takes them
  std::vector<MeantChange> meant = {};
  bool strip_symbols = false;
  const EmbeddedCode* embedded = nullptr;  // of the old file, where some of it may have been emptied
  bool lists =
      false;  // device code has lists of its own and is data to this check; plan/bundles.h has theirs
  Compression packed = Compression::none;  // with which images may have been packed; none: with nothing
  bool unpacked = false;                   // images may have been unpacked, and lie in a new segment
};

// Checked are: the headers (segments in order, congruent, in the file; the program header table inside a
// segment; sections where their segments say); every image, byte for byte, against the one that it came
// from, one that was packed by what it unpacks to; what each container resolves to for each target; every
// other byte of loaded memory; of device code that is data, the machine code that runs on none of the targets
// may be zeros. One finding for each thing that is wrong; none: the file is good.
Findings check_carved(const Elf& old_file, const DeviceContents& old_fatbins, const Elf& new_file,
                      const CheckOptions& options);

// The same of headers and sections of one file alone: what is wrong before a carve would be wrong after it.
Findings check_sound(const Elf& file, const DeviceContents& fatbins, const CheckOptions& options);

}  // namespace lathe
