// SPDX-License-Identifier: MIT
// Would this candidate start on this machine, and how well would it run? The GPU part is the resolver's
// (hardware/compat.h); here are the CPU, the driver, the C library, and several GPUs at once.
#pragma once

#include <string>
#include <vector>

#include "select/candidate.h"
#include "host/host_info.h"

namespace lathe {

// How near the code that the driver picks is to the device.
enum class Fit { ptx, older, family, exact };
std::string_view to_string(Fit fit);

// What a candidate lacks: the kinds of changes that would help.
enum class Lack { code, cpu, gpu, driver, glibc, build, unused_gpu };

struct Missing {
  Lack kind;
  std::string what;  // "has no code for GeForce RTX 5090 (12.0): it is built for 8.6"
};

struct Judgement {
  std::vector<Missing> missing = {};  // empty: it starts
  Fit fit = Fit::exact;               // on the GPU that is served worst
  std::string through = {};           // the code that this GPU runs, where it is not exactly for it: "8.6"
  int nearness = 0;                   // over all GPUs: higher is nearer
  bool driver_matches = true;         // the driver is as new as the toolkit's own

  bool starts() const { return missing.empty(); }
};

// On all GPUs of the host.
Judgement judge(const Candidate& candidate, const HostInfo& host);

}  // namespace lathe
