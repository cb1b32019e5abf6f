// SPDX-License-Identifier: MIT
// A choice of variants for people and for programs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host/host_info.h"
#include "select/advice.h"
#include "select/select.h"
#include "os/terminal.h"

namespace lathe {

// At most `lines`; 0: all.
std::string selection_text(const Selection& selection, const std::vector<Way>& ways, std::size_t lines,
                           const Terminal& terminal);
std::string selection_json(const Selection& selection, const std::vector<Way>& ways);

// One line about the machine: "GeForce RTX 5090 (12.0), driver 580.82.07, Intel Core i9-14900K (avx2)".
std::string host_in_short(const HostInfo& host);

}  // namespace lathe
