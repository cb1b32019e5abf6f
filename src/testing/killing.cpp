// SPDX-License-Identifier: MIT
#include "testing/killing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <thread>

namespace lathe::testing {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void run_and_exit(const std::function<void()>& action) {
  int status = 0;
  try {
    action();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    status = 1;
  } catch (...) {
    status = 1;
  }
  ::_exit(status);
}

bool changes_a_name(std::uint64_t call) {
  static constexpr std::array calls = {
#ifdef SYS_rename
      SYS_rename,   SYS_link,      SYS_symlink, SYS_unlink,    SYS_rmdir,    SYS_mkdir,
#endif
      SYS_renameat, SYS_renameat2, SYS_linkat,  SYS_symlinkat, SYS_unlinkat, SYS_mkdirat};
  return std::ranges::find(calls, static_cast<long>(call)) != calls.end();
}

// In a process of its own, which is traced and killed right before its `n`th change of a name, from 1. Were
// there so many?
bool run_to_change(int n, const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    run_and_exit(action);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  EXPECT_EQ(::ptrace(PTRACE_SETOPTIONS, child, nullptr, options), 0);
  pid_t stopped = child;
  bool killed = false;
  for (int signal = 0, changes = 0;;) {
    ::ptrace(PTRACE_SYSCALL, stopped, nullptr, signal);
    stopped = ::waitpid(-1, &status, __WALL);
    if (stopped == child && !WIFSTOPPED(status)) break;
    signal = 0;
    if (!WIFSTOPPED(status)) continue;
    const int why = WSTOPSIG(status);
    if (why != (SIGTRAP | 0x80)) {
      const bool is_event = status >> 16 != 0 || why == SIGSTOP;  // a new thread
      signal = is_event ? 0 : why;
      continue;
    }
    __ptrace_syscall_info call{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof call, &call);
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_a_name(call.entry.nr) || ++changes != n) continue;
    ::kill(child, SIGKILL);
    killed = true;
  }
  EXPECT_TRUE(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return killed;
}

}  // namespace

bool run_for(std::chrono::microseconds delay, const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) run_and_exit(action);
  if (delay != forever) {
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

bool may_trace() {
  static const bool may = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }();
  return may;
}

int kill_before_each_change(const std::function<void()>& prepare, const std::function<void()>& action,
                            const std::function<void()>& check) {
  if (!may_trace()) return 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(fmt::format("killed before change {}", n));
    prepare();
    if (!run_to_change(n, action)) return n - 1;
    check();
    if (::testing::Test::HasFailure()) return n;
  }
}

std::uniform_int_distribution<std::int64_t> moments_of(const std::function<void()>& action) {
  const auto start = Clock::now();
  EXPECT_TRUE(run_for(forever, action));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  return std::uniform_int_distribution<std::int64_t>(0, whole.count() * 5 / 4);
}

}  // namespace lathe::testing
