// SPDX-License-Identifier: MIT
// What the catalogue says of a GPU, a compute capability, a processor, an instruction set or a CUDA release that somebody
// names, as a topic of `torchlathe explain`.
#pragma once

#include <optional>
#include <string>

#include "cli/topics.h"

namespace lathe {

// nullopt: the name is none of these. All of `name` must be it.
std::optional<Topic> hardware_topic(const std::string& name);

// The longest run of words in `question` that is one.
std::optional<Topic> hardware_named_in(const std::string& question);

}  // namespace lathe
