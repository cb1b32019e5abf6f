// SPDX-License-Identifier: MIT
// An installed PyTorch held against the machine it is on: which GPUs its libraries really have code for,
// what is in its way. By its bytes and the driver's rules; nothing of it is run (that is smoke.h).
#pragma once

#include <string>
#include <vector>

#include "base/finding.h"
#include "device/coverage.h"
#include "inspect/inspect.h"
#include "host/host_info.h"
#include "inspect/installed.h"

namespace lathe {

struct ExaminedTorch {
  InstalledTorch torch = {};
  bool has_gpu_code = false;
  std::vector<GpuCode> code = {};       // what its libraries hold, by target
  std::vector<Coverage> coverage = {};  // one for each GPU of the host whose capability is known
  Findings findings = {};               // what is broken or slower than need be, each with what mends it

  // Every GPU of the host finds its code, or there is none and this is a CPU build.
  bool serves(const HostInfo& host) const;
};

// Reads its libraries: some tenths of a second for a large one.
ExaminedTorch examine(const InstalledTorch& torch, const HostInfo& host);

// The same from libraries that were read before.
ExaminedTorch examine(const InstalledTorch& torch, const Inspection& libraries, const HostInfo& host);

}  // namespace lathe
