// SPDX-License-Identifier: MIT
// What the carved file looks like, worked out from the headers alone: which runs of the old file go where,
// and which bytes are written anew. Pure: rewrite.h does the writing.
//
//   old file | headers .text .rodata | container container container ... | .eh_frame | .data | .symtab,
//   section headers | new file | headers .text .rodata | kept kept kept | .eh_frame | .data | .symtab,
//   section headers |
//                                      ^ PT_LOAD ends here ^ a PT_LOAD of its own begins: same address,
//                                                                             its offset less by a multiple
//                                                                             of the page size
//
// Virtual addresses never change. What lies between the kept containers and the next byte that matters is
// not mapped any more.
#pragma once

#include <vector>

#include "carve/layout/packed.h"
#include "carve/plan/embedded_plan.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "formats/elf.h"
#include "os/new_file.h"

namespace lathe {

struct LayoutOptions {
  bool strip_symbols = false;
  const PackedImages* packed = nullptr;  // written instead of what is copied
  // Data that becomes zeros; its whole pages leave the file where they may, and are zeros in memory alone.
  std::vector<EmptiedPayload> emptied = {};
};

// Error when the file is of a kind that cannot be carved (a relocatable object, segments that share bytes).
FileLayout lay_out(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan,
                   const LayoutOptions& options = {});

}  // namespace lathe
