// SPDX-License-Identifier: MIT
// For tests, in a process of their own: the kernel refuses what a container at its pids limit is refused,
// whoever runs it (a limit of a user's processes does not hold for root). It cannot be taken back.
#pragma once

namespace lathe::testing {

// From now on no thread can be started here: EAGAIN, as the kernel says it. False where it cannot be
// arranged.
bool refuse_threads();
// The same for processes.
bool refuse_processes();

}  // namespace lathe::testing
