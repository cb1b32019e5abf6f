// SPDX-License-Identifier: MIT
// Machines made up from product names, and facts that a user puts in place of what was found.
#pragma once

#include <string>
#include <vector>

#include "host/host_info.h"

namespace lathe {

// Each empty one leaves the machine as it is.
struct HostChanges {
  std::vector<std::string> gpus = {};  // products or capabilities: "RTX 5090", "12.0"; {"none"}: no GPU
  // a product, microarchitecture or instruction set: "Core i9-14900K", "avx2"
  std::string cpu = {};
  // in place of `cpu`: the text of /proc/cpuinfo or lscpu, and the file that it is from
  std::string cpuinfo = {};
  std::string cpuinfo_file = {};
  std::string driver = {};  // "570.86.10"
  std::string glibc = {};   // "2.28"

  bool empty() const { return gpus.empty() && same_cpu() && driver.empty() && glibc.empty(); }
  // Nothing of the machine at hand is left that matters: it need not be looked at.
  bool whole() const { return !gpus.empty() && !same_cpu(); }
  bool same_cpu() const { return cpu.empty() && cpuinfo_file.empty(); }
};

// Replaces GPUs, CPU, driver, glibc. New GPUs without a driver to go with them have one that is new enough;
// a GPU that is soldered to another kind of CPU brings that CPU, and so does a cloud's machine. An Error
// with a guess for a name that the catalogue does not have.
void change_host(HostInfo& host, const HostChanges& changes);

// The comment of a machine that is nothing but names: what is missing in it is taken to be good enough.
inline constexpr const char* made_up_comment = "made up from names";

// The machine of `changes` alone, which must be whole.
HostInfo made_up_host(const HostChanges& changes);

}  // namespace lathe
