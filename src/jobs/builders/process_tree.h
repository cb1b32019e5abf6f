// SPDX-License-Identifier: MIT
// How much memory a program and all that it started hold at this moment, as /proc tells it. What a daemon
// runs on its behalf is not among them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lathe {

// The child of this process whose command line holds `word`; 0: there is none (any more).
int child_with(const std::string& word);

// Resident bytes of each of `roots` with all its descendants. A root that is gone has 0.
std::map<int, std::uint64_t> resident_of_trees(const std::vector<int>& roots);

std::uint64_t available_memory();  // bytes that can be had without swapping; 0 when it is not known
std::uint64_t total_memory();

}  // namespace lathe
