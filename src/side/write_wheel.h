// SPDX-License-Identifier: MIT
// Inside of side only. The bytes of a wheel out of those of its slim wheel: streams that both have, streams
// that zlib makes again of content that is mostly in the slim one, and the rest.
#pragma once

#include <filesystem>

#include "side/manifest.h"
#include "side/store.h"
#include "side/write_side.h"

namespace lathe {

// Fills in files[0] but its attributes, and members. `scratch`: an empty folder for what is unpacked.
void write_wheel(const std::filesystem::path& original, const std::filesystem::path& slim,
                 const std::filesystem::path& scratch, const SideOptions& options, StoreWriter& store,
                 SideManifest& manifest, SideSummary& summary);

}  // namespace lathe
