// SPDX-License-Identifier: MIT
// The files of a package as a carve sees them: which are libraries, which are for one GPU as a whole, and
// which of those go. Reads the package; changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "carve/loose.h"
#include "carve/one_gpu.h"
#include "carve/plan/plan.h"
#include "package/package.h"

namespace lathe {

inline constexpr std::uint64_t smallest_library = 64;  // bytes, the header alone

struct PackageItem {
  std::string path;  // as PackageMember::path(); small, as there may be a million of them
  std::size_t member = 0;
  std::uint64_t size = 0;
  bool by_itself = false;   // it lies there as a file; else it is packed
  bool library = false;     // of one that is packed
  bool other_name = false;  // of an item that comes earlier
  std::optional<LooseCode> loose = {};
  bool goes_along = false;  // of no use without others that go
  bool stays = false;       // whatever it holds
  bool merged = false;      // no container sees it, and it goes for that

  bool goes() const { return merged || (!stays && (goes_along || (loose && !loose->wanted))); }
};

// What follows the last slash.
std::string_view name_in(std::string_view path);

struct PackageItems {
  std::vector<PackageItem> files = {};  // regular files, folder by folder
  LeftAlone along = {};                 // goes with what goes

  const PackageItem* find(std::string_view path) const;
  bool keeps_loose_code() const;
  LooseDropped dropped() const;
  void keep_all();  // nothing goes
};

// On `threads` cores (0: all). Without targets nothing goes.
PackageItems list_items(const Package& package, std::span<const CarveTarget> targets, unsigned threads);

}  // namespace lathe
