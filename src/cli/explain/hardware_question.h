// SPDX-License-Identifier: MIT
// Questions about hardware in any order of words: "does cuda 13 support v100", "driver 535 rtx 5090", "sm_86
// on 4090". What they name is read by the tables' own readers, what they ask is answered by compat.h. Knows
// no question.
#pragma once

#include <optional>
#include <string>

#include "cli/explain/topics.h"

namespace lathe {

struct HardwareAnswers {
  // nullopt: it names nothing of the tables, or there is more in it than these can answer
  std::optional<Topic> whole;
  // of a question that has more in it: the first thing of the tables that it names
  std::optional<Topic> named;
};

HardwareAnswers hardware_question(const std::string& question);

}  // namespace lathe
