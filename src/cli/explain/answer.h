// SPDX-License-Identifier: MIT
// Which topic of `torchlathe explain` a question means: a name, an error line (through diagnose's rules),
// hardware, or words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/explain/topics.h"

namespace lathe {

struct Answer {
  std::vector<Topic> topics;         // {}: nothing fits
  std::vector<std::string> nearest;  // names of others
};

// Those with the name, in any spelling: two commands may have a rule of one name.
std::vector<Topic> topics_named(std::string_view name);

// Where nothing fits, three others are named.
Answer answer_to(const std::string& question);

}  // namespace lathe
