// SPDX-License-Identifier: MIT
// Device-linked code: what of it a driver reads for some targets. A linked container is read like any other;
// where none of its machine code fits, the driver links the relocatable containers again, from their machine
// code for the device, else their PTX (measured: docs/formats/fatbin.md). So relocatable containers are
// needed for the targets that some linked container has no machine code for, and for no other.
#pragma once

#include <span>
#include <vector>

#include "carve/plan/plan.h"
#include "device/contents.h"
#include "device/target.h"

namespace lathe {

// Keeps a copy of what it needs; `contents` may go.
class LinkedCode {
 public:
  // `referenced`: as plan_carve() takes it.
  LinkedCode(const DeviceContents& contents, std::span<const ContainerIndex> referenced,
             std::span<const CarveTarget> targets);

  // Linked and relocatable containers lose images together or not at all: only where every one of them is
  // understood and every relocatable one was linked here.
  bool may_be_carved() const { return may_be_carved_; }

  // Can the driver link code for this device out of all relocatable containers?
  bool relinks_for(Target device) const;

  // Of a relocatable container, the images to keep, ascending; none where no target needs it.
  std::vector<ImageIndex> keep(const DeviceContainer& container, bool minimal) const;

 private:
  std::vector<CarveTarget> relinking_;  // targets that relocatable code is needed for, with their PTX
  std::vector<TargetCode> relinkable_;  // what the driver can link of the relocatable containers
  bool may_be_carved_ = false;
};

}  // namespace lathe
