// SPDX-License-Identifier: MIT
#include "cli/parts/heartbeat.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "base/safe_format.h"

namespace lathe {

Heartbeat::Heartbeat(Terminal& terminal, std::string what, std::chrono::seconds pause)
    : terminal_(terminal), what_(std::move(what)), pause_(std::max(pause, std::chrono::seconds(1))) {
  try {
    thread_ = std::thread([this] { beat(); });
  } catch (const std::system_error&) {  // no more threads: then it is silent
  }
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// Who has just started it wants to see that it goes on; who waits for long wants a log that is short.
std::chrono::seconds Heartbeat::pause_after(std::chrono::steady_clock::duration waited) const {
  constexpr std::chrono::seconds at_first{5}, first{30};
  return waited < first ? std::min(pause_, at_first) : pause_;
}

void Heartbeat::beat() {
  Progress line(terminal_);
  const auto start = std::chrono::steady_clock::now();
  const auto pause = [&] { return pause_after(std::chrono::steady_clock::now() - start); };
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause(), [this] { return done_; })) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
    const std::string text = safe_format("{}, {} s", what_, seconds.count());
    if (terminal_.err_is_terminal()) line.show(text);
    else terminal_.err("torchlathe: " + text + "\n");
  }
}

}  // namespace lathe
