// SPDX-License-Identifier: MIT
#include "cli/exit/stop_signals.h"

#include <unistd.h>

namespace lathe {
namespace {

std::atomic<bool> stop_asked = false;

}  // namespace

StopOnSignals::StopOnSignals() {
  stop_asked = false;
  struct sigaction action {};
  action.sa_handler = [](int) {
    stop_asked = true;
    constexpr char text[] = "\ntorchlathe: stopping what runs; once more ends it at once\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof(text) - 1);
  };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
}

StopOnSignals::~StopOnSignals() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

const std::atomic<bool>& StopOnSignals::asked() { return stop_asked; }

}  // namespace lathe
