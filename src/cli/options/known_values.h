// SPDX-License-Identifier: MIT
// Values that options may have, for --help and completion: what the hardware tables and this program know.
#pragma once

#include <string>
#include <vector>

namespace lathe {

std::vector<std::string> known_gpus();  // capabilities: "9.0"
std::vector<std::string> known_isas();
std::vector<std::string> known_toolkits();  // "13.0"

}  // namespace lathe
