// SPDX-License-Identifier: MIT
#include "cli/heartbeat.h"

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

void Heartbeat::beat() {
  Progress line(terminal_);
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause_, [this] { return done_; })) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
    const std::string text = safe_format("{}, {} s", what_, seconds.count());
    if (terminal_.err_is_terminal()) line.show(text);
    else terminal_.err("torchlathe: " + text + "\n");
  }
}

}  // namespace lathe
