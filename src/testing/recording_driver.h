// SPDX-License-Identifier: MIT
// A driver that builds nothing: it keeps which jobs were asked for, and answers as it is told.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/driver.h"
#include "jobs/job.h"
#include "nix/events.h"
#include "os/process.h"

namespace lathe::testing {

class RecordingDriver : public Driver {
 public:
  std::string_view name() const override { return "recording"; }

  Process process(const Job& job, const std::filesystem::path&, const DriverOptions&) const override {
    const std::lock_guard lock(mutex_);
    asked_.push_back(job.name);
    return {.arguments = {"build", job.name}};
  }
  std::optional<NixEvent> event(Stream, std::string_view line) const override {
    return NixEvent{.kind = NixEvent::Kind::log_line, .text = std::string(line)};
  }
  std::vector<std::string> outputs(const Job& job, std::string_view, const DriverOptions&) const override {
    return {"/nowhere/" + job.name};
  }

  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::string> asked_;
};

}  // namespace lathe::testing
