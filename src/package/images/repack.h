// SPDX-License-Identifier: MIT
// A layer written again with some of its files changed: all other entries, and the headers of those that
// change but for the size, byte for byte. The same changes make the same bytes, whatever the number of cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "package/images/layer.h"
#include "package/images/manifest.h"

namespace lathe {

struct EntryChange {
  enum class How : std::uint8_t { removed, file, text };
  How how = How::removed;
  std::filesystem::path file = {};  // the new content
  std::string text = {};            // the same
};

// By entry.
using LayerChanges = std::map<std::size_t, EntryChange>;

struct RepackOptions {
  unsigned threads = 0;                                     // 0: all cores
  std::function<void(std::uint64_t bytes)> on_packed = {};  // of the unpacked form, of this piece
  bool one_frame = false;  // zstd as one frame, on one core: some readers take no second one
  // Files that come after all others, by path (100 bytes at most): content, at the epoch. In a Nix archive
  // they come where their names belong, in its root.
  std::map<std::string, std::string> added = {};
};

// `out` gets the stored form in order, packed as the old one is.
NewLayer repack_layer(const Layer& layer, const LayerChanges& changes, const RepackOptions& options,
                      const std::function<void(std::string_view)>& out);

}  // namespace lathe
