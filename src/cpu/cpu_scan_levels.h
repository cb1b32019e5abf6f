// SPDX-License-Identifier: MIT
// What a CPU must be to run code: the ISAs of the catalogue, and the steps below them, from data/levels.toml.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cpu/isa/isa.h"

namespace lathe {

struct CpuLevel {
  std::string name = {};       // an ISA of the catalogue, or "x86-64", "x86-64-v2", "armv8-a"
  ExtensionSet features = {};  // what every processor of it has
};

// From least to best. The reference stays.
const std::vector<CpuLevel>& cpu_levels(Machine machine);

// The first level that has all of `needs`; nullptr when none has.
const CpuLevel* least_cpu_level(Machine machine, const ExtensionSet& needs);

// All that any level has.
const ExtensionSet& known_features(Machine machine);

}  // namespace lathe
