// SPDX-License-Identifier: MIT
// `flox publish`: what it demands of the git tree, and how it is called. Tested by what it would run: flox
// itself is not part of the tests.
#pragma once

#include <filesystem>
#include <string>

#include "os/process.h"

namespace lathe {

// The revision of the project's work tree. An Error unless all is committed, and pushed to the branch that
// it tracks: Flox publishes what others can fetch, never what lies on one disk.
std::string pushed_revision(const std::filesystem::path& project, const RunProcess& run = run_process);

// "" when the package is published, else what flox said. `output`: what it printed.
std::string flox_publish(const std::filesystem::path& project, const std::string& org,
                         const std::string& name, const RunProcess& run = run_process);

}  // namespace lathe
