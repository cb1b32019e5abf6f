// SPDX-License-Identifier: MIT
// What a machine says of its CPU, pasted: the text of /proc/cpuinfo, of lscpu (in any language, or lscpu -J)
// or of macOS' sysctl. For CPUs whose name says nothing, as in virtual machines.
#pragma once

#include <string>
#include <string_view>

#include "base/finding.h"
#include "host/host_info.h"

namespace lathe {

// The features that all of its processors have. Notes what does not fit together. An Error for text without
// flags, cut off, of a 32-bit machine or of two machines. `file` is for the Error.
HostCpu read_cpuinfo(std::string_view text, const std::string& file, Findings& notes);

}  // namespace lathe
