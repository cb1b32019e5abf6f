// SPDX-License-Identifier: MIT
// Inside of carve/check only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "carve/check/check.h"
#include "device/contents.h"
#include "formats/elf.h"

namespace lathe {

struct AddressRange {
  std::uint64_t begin = 0, end = 0;
};

// What both sides of a check share.
struct Carved {
  const Elf& old_file;
  const DeviceContents& old_fatbins;
  const Elf& new_file;
  const DeviceContents& new_fatbins;
  const CheckOptions& options;
  Findings& findings;

  void wrong(std::string what) const;
};

// Containers of the old file that may lose images and move.
using Movable = Rows<ContainerIndex, bool>;
Movable may_move(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced);

bool holds_containers(std::string_view section);  // by its name

void check_headers(const Carved& carved);
void check_sections(const Carved& carved, const Movable& movable);
void check_images(const Carved& carved, const Movable& movable);
void check_memory(const Carved& carved, const Movable& movable);

}  // namespace lathe
