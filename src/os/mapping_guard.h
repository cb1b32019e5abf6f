// SPDX-License-Identifier: MIT
// Inside of os only: keeps a SIGBUS from ending the program. A page of a mapped file that can no longer be
// read (the file became shorter, the disk failed) is replaced by zeros, and the mapping is marked.
#pragma once

#include <cstddef>

namespace lathe {

inline constexpr std::size_t no_guard = ~std::size_t{0};

// A number for the others; no_guard when too many are guarded at once (then a SIGBUS is what it always was).
std::size_t guard_mapping(void* start, std::size_t size);
void release_guard(std::size_t guard);
bool lost_bytes(std::size_t guard);

}  // namespace lathe
