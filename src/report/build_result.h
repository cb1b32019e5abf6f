// SPDX-License-Identifier: MIT
// What became of a build: why what failed did, and how many ended how.
#pragma once

#include <vector>

#include "jobs/job.h"
#include "os/terminal.h"

namespace lathe {

void print_result(const std::vector<Job>& jobs, Terminal& terminal);

}  // namespace lathe
