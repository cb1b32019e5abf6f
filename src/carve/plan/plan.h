// SPDX-License-Identifier: MIT
// What a carve keeps: per container exactly the images that the driver would pick for each target, by the
// resolver that `inspect` uses too (Vendor::pick); of relocatable containers what the driver would link again
// (linked.h). Pure: reads no payload and writes nothing. Where
// things end up in the new file is layout.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/contents.h"
#include "device/target.h"

namespace lathe {

struct CarveTarget {
  Target device;
  bool ptx = false;  // keep the portable code too that this device would compile
  bool operator==(const CarveTarget&) const = default;
};

std::string to_string(const CarveTarget& target);             // "9.0+PTX"
std::string to_string(std::span<const CarveTarget> targets);  // "8.6, 9.0+PTX"
// "8.6,sm_90+PTX"; Error on anything else
std::vector<CarveTarget> parse_carve_targets(std::string_view text);

// Why a container stays byte for byte where it is.
enum class Untouched {
  no,
  no_wrapper,  // no wrapper points to it: who uses it is not known
  // input of the device linker, in a file where not all of it is known to be linked or is understood
  relocatable,
  linked,         // the device linker's result, in such a file
  referenced,     // something besides its wrapper points into it
  unknown_image,  // holds a kind of image that this does not know
  damaged,
};
std::string_view to_string(Untouched why);  // a phrase: "no wrapper points to it"

struct ContainerPlan {
  Untouched untouched = Untouched::no;
  std::vector<ImageIndex> keep = {};  // in their order; all of them where untouched
  // targets for which the container holds nothing; never of a relocatable one
  std::vector<CarveTarget> unserved = {};
};

struct CarveTotals {
  std::size_t containers = 0;
  std::size_t untouched = 0;
  std::size_t unserved = 0;  // containers with nothing for one of the targets
  std::size_t images = 0, images_kept = 0;
  std::uint64_t bytes = 0, bytes_kept = 0;              // of images, headers included
  std::uint64_t bytes_minimal = 0;                      // that --minimal keeps
  std::uint64_t relocatable = 0, relocatable_kept = 0;  // of `bytes`: input of the device linker
};

struct CarvePlan {
  std::vector<CarveTarget> targets;
  Rows<ContainerIndex, ContainerPlan> containers;  // one for each of the file
  CarveTotals totals;

  bool drops_something() const { return totals.images_kept < totals.images; }
};

struct PlanOptions {
  std::vector<CarveTarget> targets = {};  // none: every image stays
  bool minimal = false;                   // keep the driver's one pick and nothing else: no second readings
  // Of a container with nothing for any target the smallest image stays; else it is emptied. The driver
  // answers both alike (docs/gpu-proof.md).
  bool keep_special = false;
};

// `referenced`: containers that something besides their wrapper points to (references.h), ascending.
CarvePlan plan_carve(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced,
                     const PlanOptions& options);

// Which of these codes stay for the targets, ascending: the driver's pick for each; unless `minimal`, also
// those that it might pick by another reading of its rules. Shared with the architecture list that PyTorch
// repeats.
std::vector<std::size_t> codes_to_keep(std::span<const TargetCode> codes,
                                       std::span<const CarveTarget> targets, bool minimal);

// The driver's pick for a target's device, and for a +PTX target its pick among the PTX alone.
struct TargetPick {
  std::optional<std::size_t> code, ptx;
  bool operator==(const TargetPick&) const = default;
};
TargetPick pick_for(std::span<const TargetCode> codes, const CarveTarget& target);

}  // namespace lathe
