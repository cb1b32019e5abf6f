// SPDX-License-Identifier: MIT
// Which machine a command is about: this one, a recorded one, or one made up from product names. The same
// options and environment variables for every command that asks.
#pragma once

#include <string>
#include <vector>

#include "cli/options/options.h"
#include "host/host_info.h"

namespace lathe {

struct HostOption {
  std::string from;               // a recording
  std::vector<std::string> gpus;  // made up, or in place of the machine's own
  std::string cpu, cpuinfo, driver, glibc;
  bool no_gpu = false;

  // `made_up`: with --gpu, --cpu and the others too.
  void declare(OptionSet& set, bool made_up);
  // Options win over the environment (TORCHLATHE_GPU, _CPU, _DRIVER, _GLIBC), which wins over the machine.
  HostInfo load() const;
};

}  // namespace lathe
