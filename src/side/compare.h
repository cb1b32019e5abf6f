// SPDX-License-Identifier: MIT
// Inside of side only. Originals held against slim files, several at once, and what they lack put into the
// store, one after the other: the same input makes the same side file, whatever the number of cores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "side/delta.h"
#include "side/manifest.h"
#include "side/store.h"

namespace lathe {

struct ComparedPair {
  std::filesystem::path original, slim = {};  // no slim file: the original was dropped
};

struct Compared {
  std::vector<DeltaRun> runs = {};
  std::string sha256 = {}, slim_sha256 = {};
  std::uint64_t size = 0, slim_size = 0;
};

// `take` gets each pair's result in order, from one thread, while both files are mapped.
void compare_all(const std::vector<ComparedPair>& pairs, unsigned threads,
                 const std::function<void(std::size_t, const Compared&, ByteSpan original)>& take);

// The runs as steps; what the slim file lacks goes into the store. Returns where the recipe lies there.
StoreRange store_runs(StoreWriter& store, const std::vector<DeltaRun>& runs, ByteSpan original);
// Error when the recipe is too long to be read again.
StoreRange store_recipe(StoreWriter& store, const Recipe& recipe);

// Permissions and time of a file, as the manifest has them.
void look_at_file(const std::filesystem::path& path, SideFile& file);

}  // namespace lathe
