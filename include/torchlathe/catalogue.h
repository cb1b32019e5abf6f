// SPDX-License-Identifier: MIT
// The hardware tables that are compiled in. All functions may be called from several threads at once; what
// they return is the caller's own.
//
// A capability is written "9.0", "sm_90", "90" or "compute_90", with a suffix where code has one ("9.0a",
// "10.0f"), and comes back as "9.0", "9.0a".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torchlathe/error.h"

namespace torchlathe {

struct Gpu {
  std::string name;                  // as NVIDIA's driver says it, without the vendor: "GeForce RTX 5090"
  std::vector<std::string> aliases;  // "RTX 5090"
  std::string capability;            // "12.0"
  std::string segment;               // "data-centre", "workstation", "desktop", "laptop", "embedded"
  std::string source;                // of these facts
};

struct Capability {
  std::string capability;    // "9.0"
  std::string name;          // "Hopper"
  std::string first_cuda;    // the first toolkit that compiles for it: "11.8"
  std::string last_cuda;     // the last, if it was dropped; or ""
  std::string first_driver;  // the first Linux driver branch that knows it
  std::string source;
};

std::vector<Gpu> gpus();                 // in the order of the table
std::vector<Capability> capabilities();  // ascending
std::vector<std::string> toolkits();     // CUDA releases, ascending: "12.8", "13.0"

// By name or alias, without regard to letter case, with or without the vendor's name; nullopt: not known.
std::optional<Gpu> find_gpu(std::string_view name);

}  // namespace torchlathe
