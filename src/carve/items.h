// SPDX-License-Identifier: MIT
// The files of a package as a carve sees them: which are libraries, which are for one GPU as a whole, and
// which of those go. Reads the package; changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "carve/loose.h"
#include "carve/one_gpu.h"
#include "carve/plan/plan.h"
#include "package/package.h"

namespace lathe {

inline constexpr std::uint64_t smallest_library = 64;  // bytes, the header alone

struct PackageItem {
  std::filesystem::path path;
  std::size_t member = 0;
  std::uint64_t size = 0;
  bool by_itself = false;   // it lies there as a file; else it is packed
  bool library = false;     // of one that is packed
  bool other_name = false;  // of an item that comes earlier
  std::optional<LooseCode> loose = {};
  bool goes_along = false;  // of no use without others that go

  bool goes() const { return goes_along || (loose && !loose->wanted); }
};

struct PackageItems {
  std::vector<PackageItem> files = {};  // regular files, by path
  LeftAlone along = {};                 // goes with what goes

  const PackageItem* find(std::string_view path) const;
  bool keeps_loose_code() const;
  LooseDropped dropped() const;
  void keep_all();  // nothing goes
};

// On `threads` cores (0: all). Without targets nothing goes.
PackageItems list_items(const Package& package, std::span<const CarveTarget> targets, unsigned threads);

}  // namespace lathe
