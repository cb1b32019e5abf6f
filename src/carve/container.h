// SPDX-License-Identifier: MIT
// What holds libraries and is itself none, no folder of them and no wheel: it is named, never carved.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "inspect/not_read.h"
#include "package/kinds.h"

namespace lathe {

// A package in a file that is not carved, read as `inspect` reads it: holds device code, nothing, or what is
// not known.
NotRead look_into_package(const PackageKind& kind, const std::filesystem::path& path, ByteSpan bytes);

// A file that was named by itself and is not a package. nullopt: a library, or nothing that holds others.
std::optional<NotRead> look_into_file(PathLook& look);

}  // namespace lathe
