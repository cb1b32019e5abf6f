// SPDX-License-Identifier: MIT
// Inside of simple only. One carve makes the wheel of all roots: under its other names it is the same
// members, as they lie there, and what the wheel says of itself.
#pragma once

#include <filesystem>

#include "carve/plan/plan.h"
#include "package/writer.h"
#include "simple/root.h"

namespace lathe {

// Writes `wheel`, which was carved for `target` and kept its name, into `folder` as `naming` has it there.
// Tells its hash. Error when the wheel is damaged, or such a file is there already.
WrittenPackage write_renamed(const std::filesystem::path& wheel, const std::filesystem::path& folder,
                             const CarveTarget& target, Naming naming);

}  // namespace lathe
