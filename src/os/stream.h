// SPDX-License-Identifier: MIT
// A file, a pipe or standard input from its beginning to its end, in pieces: for what may be larger than
// memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lathe {

// Calls `sink` with each piece (1 MiB at most, at least 1 byte). "-" is standard input. An Error when it
// cannot be read.
void read_stream(const std::string& path, const std::function<void(std::string_view)>& sink);

}  // namespace lathe
