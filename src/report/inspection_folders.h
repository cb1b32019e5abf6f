// SPDX-License-Identifier: MIT
// Thousands of files (flashinfer-cubin has 15,970) as some dozens of folders: what people can read. Programs
// get every file.
#pragma once

#include <cstddef>

#include "inspect/inspect.h"

namespace lathe {

inline constexpr std::size_t most_single_files = 100;  // more of them are summed up by folder

// The same inspection with one row for each folder in the place of its files' rows, at the greatest depth at
// which the rows are few. A file that is alone in its folder stays. `folder`: what all paths have in common
// (common_folder()).
Inspection by_folder(const Inspection& inspection, std::size_t folder_length);

}  // namespace lathe
