// SPDX-License-Identifier: MIT
// A machine for people. As JSON: host/host_json.h.
#pragma once

#include <string>

#include "base/finding.h"
#include "host/host_info.h"
#include "os/terminal.h"

namespace lathe {

enum class CpuFeatures { listed, left_out };

std::string host_text(const HostInfo& host, const Terminal& terminal,
                      CpuFeatures features = CpuFeatures::listed);

// "GeForce RTX 5090 (12.0), 32 GiB"; "A100-SXM4-40GB (8.0) in MIG mode: 3g.20gb, 4g.20gb"
std::string gpu_line(const HostGpu& gpu);

// The notes, each with what mends it; "" for none.
std::string notes_text(const Findings& notes, const Terminal& terminal);

}  // namespace lathe
