// SPDX-License-Identifier: MIT
// The last build of each variant of a history, with what its log says.
#pragma once

#include <filesystem>
#include <vector>

#include "jobs/history/history.h"
#include "page/builds_part.h"

namespace lathe {

// `records`: newest first. Logs of builds that failed are read and diagnosed, in constant memory; what is
// wrong with one of them is said in its place.
std::vector<LastBuild> last_builds(const std::vector<BuildRecord>& records,
                                   const std::filesystem::path& state);

}  // namespace lathe
