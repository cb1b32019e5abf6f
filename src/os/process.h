// SPDX-License-Identifier: MIT
// Runs another program to its end: arguments without a shell, its own process group, limits on time, memory
// and output. Knows nothing of what the program is; the callers in nix/ and build/ do. One thread waits for
// one program.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

enum class Stream { out, err };

struct Process {
  // The first is the program: a path (with a slash), or a name that is looked up in PATH.
  std::vector<std::string> arguments = {};
  // Changes to this process's environment: a text sets the variable, nullopt takes it away.
  std::map<std::string, std::optional<std::string>> environment = {};
  bool empty_environment = false;  // start from no variables at all, then apply `environment`
  std::string folder = {};         // working directory; "": this process's own
  std::string input = {};          // what the program reads on stdin; "": an end of file at once

  // Called with each line (without its end) as it arrives, in the order of each stream; then nothing is
  // captured. A line longer than `line_limit` arrives in pieces. When it throws, the program is killed and
  // the exception goes on.
  std::function<void(Stream, std::string_view)> on_line = {};
  std::size_t line_limit = std::size_t{1} << 20;
  // bytes kept of each stream; the rest is read and dropped
  std::size_t output_limit = std::size_t{64} << 20;

  std::optional<std::chrono::milliseconds> time_limit = {};   // wall-clock
  std::optional<std::chrono::milliseconds> quiet_limit = {};  // wall-clock without a byte of output
  std::optional<std::uint64_t> memory_limit = {};             // bytes of address space (RLIMIT_AS)
  std::optional<std::uint64_t> file_limit = {};               // bytes of a file that it writes (RLIMIT_FSIZE)
  // set from elsewhere: end the program (within 0.1 s)
  const std::atomic<bool>* stop = nullptr;
  // Between SIGTERM and SIGKILL when the program is ended early; zero: SIGKILL at once.
  std::chrono::milliseconds grace{0};
};

struct ProcessResult {
  int exit_status = -1;    // -1 when it was ended by a signal
  int signal = 0;          // 0 when it exited by itself
  bool timed_out = false;  // by either limit
  bool stopped = false;    // through Process::stop
  bool truncated = false;  // some output went over `output_limit`
  std::string out = {}, err = {};
  // The most memory that the program, or one of its finished children, held in RAM. Linux counts this
  // process's own size at the start in, so small programs started by a large one read too high.
  std::uint64_t peak_bytes = 0;
  std::chrono::milliseconds wall{0};

  bool ok() const { return signal == 0 && exit_status == 0; }
  // "exit status 1", "signal 11 (Segmentation fault)", "ran longer than allowed", ...
  std::string ending() const;
};

// An Error only if the program could not be started at all. Whatever way it ends, the program and all in its
// process group are gone when this returns or throws; a child that left the group by itself is not followed.
ProcessResult run_process(const Process& process);

// The seam for tests of callers.
using RunProcess = std::function<ProcessResult(const Process&)>;

// The executable file that `name` stands for: itself when it has a slash, else the first in PATH (absolute
// entries only).
std::optional<std::string> find_program(std::string_view name);

}  // namespace lathe
