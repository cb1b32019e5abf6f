// SPDX-License-Identifier: MIT
// Would this candidate start on this machine, and how well would it run? The GPU part is the resolver's
// (hardware/compat.h); here are the CPU, the driver, the C library, and several GPUs at once.
#pragma once

#include <string>
#include <string_view>

#include "base/finding.h"
#include "host/host_info.h"
#include "select/candidate.h"

namespace lathe {

// How near the code that the driver picks is to the device.
enum class Fit { ptx, older, family, exact };
std::string_view to_string(Fit fit);

struct Judgement {
  Findings missing = {};       // what it lacks; empty: it starts
  Fit fit = Fit::exact;        // on the GPU that is served worst
  std::string through = {};    // the code that this GPU runs, where it is not exactly for it: "8.6"
  int nearness = 0;            // over all GPUs: higher is nearer
  bool driver_matches = true;  // the driver is as new as the toolkit's own

  bool starts() const { return missing.empty(); }
};

// On all GPUs of the host.
Judgement judge(const Candidate& candidate, const HostInfo& host);

}  // namespace lathe
