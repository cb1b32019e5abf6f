// SPDX-License-Identifier: MIT
// How many slips of the fingers lie between two words.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lathe {

// Damerau-Levenshtein distance (adjacent letters may change places), letter case ignored. Takes |a| x |b|
// steps.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The same where it is at most `most`, else nullopt; words of very unlike length cost nothing.
std::optional<std::size_t> edit_distance_within(std::string_view a, std::string_view b, std::size_t most);

}  // namespace lathe
