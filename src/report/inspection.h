// SPDX-License-Identifier: MIT
// An Inspection for people (text) and for programs (JSON).
#pragma once

#include <string>
#include <vector>

#include "inspect/inspect.h"
#include "os/terminal.h"

namespace lathe {

// those lines of the text alone
std::string inspection_findings(const Inspection& inspection, const Terminal& terminal);
// More than a hundred files are summed up by folder, but for `all_files`.
std::string inspection_text(const Inspection& inspection, const Terminal& terminal, bool all_files = false);
std::string inspection_json(const Inspection& inspection);

// The part of the paths that all have in common, up to a slash; what is left of each is its short name.
std::string common_folder(const std::vector<FileInspection>& files);

}  // namespace lathe
