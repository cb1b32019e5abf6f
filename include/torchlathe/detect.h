// SPDX-License-Identifier: MIT
// What machine this is, as far as it decides which build runs there. May be called from several threads at
// once; what is returned owns all that it holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

struct HostGpu {
  std::string name;          // as the driver says it
  std::string capability;    // "9.0"; "": not known
  std::uint64_t memory = 0;  // bytes; 0: not known, or shared with the CPU
};

struct Host {
  std::string machine;            // "x86_64", "aarch64"
  std::string cpu;                // for people
  std::vector<std::string> isas;  // instruction sets that the CPU runs, the best last: "avx2"
  unsigned cores = 0;             // that this process may use; 0: not known
  std::vector<HostGpu> gpus;
  std::string driver;          // version of NVIDIA's kernel module; "": none is loaded
  std::string cuda;            // the newest CUDA release that it serves; "": none
  std::vector<Finding> notes;  // what is odd about the machine
  std::string record;          // all of it as JSON, in the format of `torchlathe detect --format json`
};

// This machine. What cannot be found out is missing in the result, and a note says why.
Host detect();

// A machine made up from names: GPUs as "RTX 5090" or "12.0", none for a machine without; a CPU as "Zen 4" or
// "avx2". What no name says is good enough for any build. Error for a name that the catalogue does not have.
Host imagine(const std::vector<std::string>& gpus, std::string_view cpu);

// A machine that was recorded before: Host::record. Error when it is none.
Host read_host(std::string_view record);

}  // namespace torchlathe
