// SPDX-License-Identifier: MIT
// Inspection as commands do it: with the file under way on the progress line.
#pragma once

#include <filesystem>
#include <vector>

#include "inspect/inspect.h"
#include "os/terminal.h"

namespace lathe {

// `how`: all but who is told of the progress.
Inspection inspect_files(const std::vector<std::filesystem::path>& paths, InspectOptions how,
                         Terminal& terminal);

}  // namespace lathe
