// SPDX-License-Identifier: MIT
// Says on standard error that something goes on, while this thread waits for another program.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "os/terminal.h"

namespace lathe {

// "Nix evaluates 44 recipes, 12 s": on a terminal one line that is erased at the end, else a line each time:
// every five seconds of the first thirty, then after each `pause`.
class Heartbeat {
 public:
  Heartbeat(Terminal& terminal, std::string what, std::chrono::seconds pause);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  void beat();
  std::chrono::seconds pause_after(std::chrono::steady_clock::duration waited) const;

  Terminal& terminal_;
  const std::string what_;
  const std::chrono::seconds pause_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // under the mutex
  std::thread thread_;
};

}  // namespace lathe
