// SPDX-License-Identifier: MIT
// The machines that build, as they were found: a table for people, events for programs.
#pragma once

#include <string>
#include <vector>

#include "jobs/builders/builder.h"
#include "os/terminal.h"

namespace lathe {

std::string builders_text(const std::vector<Builder>& builders, const Terminal& terminal);
// one object a line, as the other events of a build
std::string builders_json(const std::vector<Builder>& builders);

}  // namespace lathe
