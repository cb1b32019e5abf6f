// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <atomic>

namespace lathe {

// Ctrl-C asks once; the children are ended, the history is written. A second one ends this program as usual.
class StopOnSignals {
 public:
  StopOnSignals();
  ~StopOnSignals();
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;

  static const std::atomic<bool>& asked();

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

}  // namespace lathe
