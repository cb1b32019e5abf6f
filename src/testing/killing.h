// SPDX-License-Identifier: MIT
// For tests: kills what writes with SIGKILL, at random moments and right before each change of a file's name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>

namespace lathe::testing {

inline constexpr std::chrono::microseconds forever{-1};

// In a process of its own, which is killed after `delay`. Did it come to its end before?
bool run_for(std::chrono::microseconds delay, const std::function<void()>& action);

bool may_trace();  // a sandbox or an emulator may refuse it

// Kills before each change that `action` makes, until it makes no more; how many there were.
int kill_before_each_change(const std::function<void()>& prepare, const std::function<void()>& action,
                            const std::function<void()>& check);

// How long the whole takes, and a little more.
std::uniform_int_distribution<std::int64_t> moments_of(const std::function<void()>& action);

}  // namespace lathe::testing
