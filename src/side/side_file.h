// SPDX-License-Identifier: MIT
// The side file as a whole: its head, the store, the manifest and, last, where they are. docs/formats/side.md
// has the bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "side/manifest.h"
#include "side/recipe.h"
#include "side/store.h"

namespace lathe {

inline constexpr std::uint64_t side_head_size = 16;
// Longer recipes are not written; a step takes two bytes at least.
inline constexpr std::uint64_t longest_recipe = std::uint64_t{8} << 20;

void write_side_head(NewFile& file);
// After the store is finished. Returns the size of the file.
std::uint64_t write_side_end(NewFile& file, const StoreWriter& store, const SideManifest& manifest);

// A side file that somebody gives us: nothing of it is believed. Valid as long as `bytes`. Its const
// functions may be called from several threads at once.
class SideContent {
 public:
  SideContent(ByteSpan bytes, std::string name);  // Error when it is not one, or is cut short or damaged

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return bytes_.size(); }
  const SideManifest& manifest() const { return manifest_; }
  const StoreReader& store() const { return store_; }

  // Error when it is damaged.
  Recipe recipe(const SideFile& file) const;
  Recipe recipe(const SideMember& member) const;

 private:
  struct Ends;
  SideContent(ByteSpan bytes, std::string name, const Ends& ends);
  Recipe recipe(const StoreRange& range, RecipeLimits limits) const;

  ByteSpan bytes_;
  std::string name_;
  StoreReader store_;
  SideManifest manifest_;
};

}  // namespace lathe
