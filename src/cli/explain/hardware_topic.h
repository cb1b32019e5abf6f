// SPDX-License-Identifier: MIT
// What the catalogue says of a GPU, a compute capability, a processor, an instruction set or a CUDA release
// that somebody names, as a topic of `torchlathe explain`.
#pragma once

#include <optional>
#include <string>

#include "cli/explain/topics.h"
#include "hardware/catalog.h"

namespace lathe {

// nullopt: the name is none of these. All of `name` must be it.
std::optional<Topic> hardware_topic(const std::string& name);

// A name that is known and says too little ("rtx 6000", "Xeon"), or is not NVIDIA's: why.
std::optional<Topic> vague_topic(const std::string& name);

// "CUDA 9.0 to 12.9 compiles for it"
std::string toolkits_for(const CapabilityRow& row);

}  // namespace lathe
