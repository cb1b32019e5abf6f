// SPDX-License-Identifier: MIT
// What holds libraries and is itself none, no folder of them and no wheel: it is named, never carved.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "inspect/not_read.h"

namespace lathe {

// A zip archive, read as `inspect` reads it: holds device code, nothing, or what is not known.
NotRead look_into_whole_zip(const std::filesystem::path& path, ByteSpan bytes);

// A file that was named by itself. nullopt: a library, a wheel (also a damaged one), or nothing that holds
// others.
std::optional<NotRead> container_at(const std::filesystem::path& path);

}  // namespace lathe
