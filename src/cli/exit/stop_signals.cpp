// SPDX-License-Identifier: MIT
#include "cli/exit/stop_signals.h"

namespace lathe {
namespace {

std::atomic<bool> stop_asked = false;

}  // namespace

StopOnSignals::StopOnSignals() {
  stop_asked = false;
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = true; };
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
