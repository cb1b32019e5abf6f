// SPDX-License-Identifier: MIT
// One loop over independent items on all cores. An item that throws spoils only itself.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <vector>

namespace lathe {

// Threads worth starting: the cores this process may use (affinity, so a container's limit counts), at least
// 1.
unsigned usable_cores();

// Calls `work(i)` once for each i in [0, count), in no particular order, on up to `threads` threads (0: all
// usable cores). Returns one exception per item: null where it went well. Never throws on behalf of an item.
std::vector<std::exception_ptr> parallel_for(std::size_t count, const std::function<void(std::size_t)>& work,
                                             unsigned threads = 0);

// The same, for work of which every item must go well: rethrows the failure with the lowest index.
void parallel_for_all(std::size_t count, const std::function<void(std::size_t)>& work, unsigned threads = 0);

}  // namespace lathe
