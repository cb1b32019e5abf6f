// SPDX-License-Identifier: MIT
#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

namespace lathe {

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::vector<std::exception_ptr> parallel_for(std::size_t count, const std::function<void(std::size_t)>& work,
                                             unsigned threads) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next = 0;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  const std::size_t helpers = std::min<std::size_t>(threads ? threads : usable_cores(), count);
  std::vector<std::jthread> pool;
  try {
    for (std::size_t i = 1; i < helpers; ++i) pool.emplace_back(run);
  } catch (const std::system_error&) {
    // No more threads are to be had (the pids limit of a container, ulimit -u): those that there are do all
    // of it.
  }
  run();
  pool.clear();  // joins
  return failures;
}

void parallel_for_all(std::size_t count, const std::function<void(std::size_t)>& work, unsigned threads) {
  for (const std::exception_ptr& failure : parallel_for(count, work, threads)) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace lathe
