// SPDX-License-Identifier: MIT
// What a package's carve tells when it cannot be done: a file that failed, a package with code for no target.
// Writes nothing.
#pragma once

#include <exception>
#include <filesystem>
#include <string_view>

#include "carve/carve.h"
#include "carve/carve_package.h"
#include "carve/items.h"

namespace lathe {

void note_failure(CarvedPackage& out, const std::filesystem::path& path, const std::exception_ptr& failure);

// Where no file holds code for any target (a GPU that was mistyped, say): a failure, and true. Then nothing
// loose goes and, but in place, where libraries were replaced on the way, nothing is written: `out` tells of
// each file that it is as it was.
bool refuse_if_nothing_fits(CarvedPackage& out, const PackageItems& items, const CarveOptions& options,
                            std::string_view package, bool in_place);

}  // namespace lathe
