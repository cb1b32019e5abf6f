// SPDX-License-Identifier: MIT
// How a run is shown: a live table on a terminal, plain lines with a heartbeat in a pipe, JSON events one a
// line.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "jobs/run.h"
#include "os/terminal.h"

namespace lathe {

enum class ProgressKind { none, table, lines, json };

std::unique_ptr<BuildObserver> make_progress(ProgressKind kind, Terminal& terminal, double heartbeat_seconds);

std::string duration_text(double seconds);  // "4.9 s", "12 min", "3 h 05 min"
std::string bytes_text(std::uint64_t bytes);
// since 1970: "2026-11-28 05:20"; the number itself where no calendar has it
std::string local_minute(std::int64_t seconds);

}  // namespace lathe
