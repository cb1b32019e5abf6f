// SPDX-License-Identifier: MIT
// A choice of variants for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "host/host_info.h"
#include "select/select.h"
#include "os/terminal.h"

namespace lathe {

std::string selection_text(const Selection& selection, const std::vector<std::string>& commands,
                           const Terminal& terminal);
std::string selection_json(const Selection& selection, const std::vector<std::string>& commands);

// One line about the machine: "GeForce RTX 5090 (12.0), driver 580.82.07, Intel Core i9-14900K (avx2)".
std::string host_in_short(const HostInfo& host);

}  // namespace lathe
