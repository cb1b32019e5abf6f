// SPDX-License-Identifier: MIT
// How many slips of the fingers lie between two words.
#pragma once

#include <cstddef>
#include <string_view>

namespace lathe {

// Damerau-Levenshtein distance (adjacent letters may change places), letter case ignored. Takes |a| x |b| steps.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace lathe
