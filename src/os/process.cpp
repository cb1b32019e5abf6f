// SPDX-License-Identifier: MIT
#include "os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "os/descriptor.h"
#include "os/narrate.h"

extern char** environ;

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A machine or a container that is at its limit of processes has room again when one ends: this long that is
// waited for.
constexpr milliseconds most_patience{2000};

// How often a program that neither writes nor ends is looked at; only a stop request or a lingering child
// waits for it.
constexpr milliseconds tick{100};

template <typename Call>
auto retry(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

// Above 2, so that dup2 onto 0, 1 and 2 can never hit another one of ours.
Descriptor above_standard(Descriptor file) {
  return file && file.get() <= 2 ? Descriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3)) : std::move(file);
}

struct Pipe {
  Descriptor read, write;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("make a pipe", "", errno);
    read = above_standard(Descriptor(ends[0]));
    write = above_standard(Descriptor(ends[1]));
    if (!read || !write) throw system_error("make a pipe", "", errno);
  }
};

// stdin as a file in memory: nothing has to be fed to the program while it runs, and no SIGPIPE can come of
// it.
Descriptor input_file(const std::string& text) {
  if (text.empty()) return above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  Descriptor file = above_standard(Descriptor(::memfd_create("stdin", MFD_CLOEXEC)));
  for (std::size_t done = 0; file && done < text.size();) {
    const auto count = retry([&] { return ::write(file.get(), text.data() + done, text.size() - done); });
    if (count < 0) throw system_error("keep the input of a program in memory", "", errno);
    done += static_cast<std::size_t>(count);
  }
  if (file) ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::vector<std::string> environment_of(const Process& process) {
  std::vector<std::string> result;
  for (char** entry = process.empty_environment ? nullptr : environ; entry && *entry; ++entry) {
    const std::string_view variable(*entry);
    if (!process.environment.contains(std::string(variable.substr(0, variable.find('=')))))
      result.emplace_back(variable);
  }
  for (const auto& [name, value] : process.environment) {
    if (value) result.push_back(name + "=" + *value);
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// All that the child needs, made before the fork: between fork and exec only async-signal-safe calls are
// allowed.
struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* folder;  // nullptr: stay
  int in, out, err, failure;
  const std::uint64_t* memory_limit;
  const std::uint64_t* file_limit;
  pid_t parent;
  sigset_t mask;
};

[[noreturn]] void fail_child(const ChildPlan& plan, int stage) {
  const std::array<int, 2> report{stage, errno};
  [[maybe_unused]] const auto ignored = ::write(plan.failure, report.data(), sizeof(report));
  ::_exit(127);
}

enum Stage : int { stage_set_up, stage_folder, stage_exec };

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (::sigaction(number, nullptr, &action) != 0) continue;
    // `nohup torchlathe` means its children too
    if (action.sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
}

// The child must not outlive this program (Ctrl-C does not reach another process group) nor leave core files
// about.
void bind_to_parent(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != plan.parent) ::_exit(127);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  reset_signals();
  bind_to_parent(plan);
  if (::dup2(plan.in, 0) < 0 || ::dup2(plan.out, 1) < 0 || ::dup2(plan.err, 2) < 0)
    fail_child(plan, stage_set_up);
  // descriptors of libraries that forgot; an old kernel refuses: no harm
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (plan.folder && ::chdir(plan.folder) != 0) fail_child(plan, stage_folder);
  if (plan.memory_limit) {
    const rlimit limit{*plan.memory_limit, *plan.memory_limit};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) fail_child(plan, stage_set_up);
  }
  if (plan.file_limit) {
    const rlimit limit{*plan.file_limit, *plan.file_limit};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) fail_child(plan, stage_set_up);
  }
  ::sigprocmask(SIG_SETMASK, &plan.mask, nullptr);
  ::execve(plan.program, plan.arguments, plan.environment);
  fail_child(plan, stage_exec);
}

std::string program_of(const Process& process) {
  if (process.arguments.empty()) throw Error({.what = "no program to run", .kind = ErrorKind::fault});
  const std::string& name = process.arguments.front();
  if (name.find('/') != std::string::npos) return name;
  if (auto found = find_program(name)) return *std::move(found);
  throw Error({.what = fmt::format("the program \"{}\" is not in PATH", printable(name)),
               .next = "install it, or add its folder to PATH",
               .kind = ErrorKind::fault});
}

// A started program: its process group dies with this object.
class Child {
 public:
  explicit Child(const Process& process) {
    const std::string program = program_of(process);
    std::vector<std::string> arguments = process.arguments;
    std::vector<std::string> environment = environment_of(process);
    const std::vector<char*> argument_pointers = pointers(arguments),
                             environment_pointers = pointers(environment);
    const Descriptor in = input_file(process.input);
    if (!in) throw system_error("open the input of a program", program, errno);
    Pipe out, err, failure;
    ChildPlan plan{.program = program.c_str(),
                   .arguments = argument_pointers.data(),
                   .environment = environment_pointers.data(),
                   .folder = process.folder.empty() ? nullptr : process.folder.c_str(),
                   .in = in.get(),
                   .out = out.write.get(),
                   .err = err.write.get(),
                   .failure = failure.write.get(),
                   .memory_limit = process.memory_limit ? &*process.memory_limit : nullptr,
                   .file_limit = process.file_limit ? &*process.file_limit : nullptr,
                   .parent = ::getpid(),
                   .mask = {}};
    fork_into(plan);
    out_ = std::move(out.read);
    err_ = std::move(err.read);
    failure.write.close();
    check_started(failure.read, program, process.folder);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() {
    if (id_ <= 0) return;
    kill_group(SIGKILL);
    int status = 0;
    retry([&] { return ::waitpid(id_, &status, 0); });
  }

  int out() const { return out_.get(); }
  int err() const { return err_.get(); }

  void kill_group(int number) const {
    // Both: the group may not exist yet, or not any more.
    if (::kill(-id_, number) != 0) ::kill(id_, number);
  }

  // Has the program itself ended? It stays a zombie, so its number and its group cannot be taken by others.
  bool ended() const {
    siginfo_t info{};
    return retry([&] {
             return ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOWAIT | WNOHANG);
           }) == 0 &&
           info.si_pid == id_;
  }

  // Ends what is left of the group and collects the program.
  void reap(ProcessResult& result) {
    ::kill(-id_, SIGKILL);
    int status = 0;
    rusage usage{};
    retry([&] { return ::wait4(id_, &status, 0, &usage); });
    id_ = -1;
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
    result.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }

 private:
  // Signals are held back across the fork, so that no handler of this program ever runs in the child.
  void fork_into(ChildPlan& plan) {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &plan.mask);
    int error_number = 0;
    for (milliseconds pause{10}, waited{0};; waited += pause, pause *= 2) {
      id_ = ::fork();
      if (id_ == 0) run_child(plan);
      error_number = errno;
      if (id_ > 0 || error_number != EAGAIN || waited >= most_patience) break;
      std::this_thread::sleep_for(pause);
    }
    ::pthread_sigmask(SIG_SETMASK, &plan.mask, nullptr);
    if (id_ < 0) throw system_error("start a process", plan.program, error_number);
    ::setpgid(id_, id_);  // the child does it as well: whoever comes first
  }

  // The pipe closes unread when exec succeeds.
  void check_started(const Descriptor& failure, const std::string& program, const std::string& folder) {
    std::array<int, 2> report{};
    if (retry([&] { return ::read(failure.get(), report.data(), sizeof(report)); }) != sizeof(report)) return;
    int status = 0;
    retry([&] { return ::waitpid(id_, &status, 0); });
    id_ = -1;
    if (report[0] == stage_folder) throw system_error("enter the folder", folder, report[1]);
    Error::Parts parts = system_error("run the program", program, report[1]).parts();
    parts.kind = ErrorKind::fault;  // a program that this machine lacks
    throw Error(std::move(parts));
  }

  pid_t id_ = -1;
  Descriptor out_, err_;
};

// What becomes of the bytes of one stream.
class Sink {
 public:
  Sink(const Process& process, Stream stream, std::string& captured, bool& truncated)
      : process_(process), stream_(stream), captured_(captured), truncated_(truncated) {}

  void take(std::string_view bytes) {
    if (process_.on_line) return take_lines(bytes);
    const std::size_t room = process_.output_limit - std::min(process_.output_limit, captured_.size());
    truncated_ = truncated_ || bytes.size() > room;
    captured_.append(bytes.substr(0, room));
  }

  void finish() {
    if (!line_.empty()) process_.on_line(stream_, std::exchange(line_, {}));
  }

 private:
  void take_lines(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::size_t room = process_.line_limit - std::min(process_.line_limit, line_.size());
      const std::size_t count = std::min({end, bytes.size(), std::max<std::size_t>(room, 1)});
      line_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (count == end) bytes.remove_prefix(1);
      if (count == end || line_.size() >= process_.line_limit)
        process_.on_line(stream_, std::exchange(line_, {}));
    }
  }

  const Process& process_;
  Stream stream_;
  std::string& captured_;
  bool& truncated_;
  std::string line_;
};

class Run {
 public:
  explicit Run(const Process& process)
      : process_(process),
        start_(Clock::now()),
        out_(process, Stream::out, result_.out, result_.truncated),
        err_(process, Stream::err, result_.err, result_.truncated),
        child_(process) {}

  ProcessResult finish() {
    std::array<pollfd, 2> ends{pollfd{child_.out(), POLLIN, 0}, pollfd{child_.err(), POLLIN, 0}};
    while ((ends[0].fd >= 0 || ends[1].fd >= 0) && !end_early()) {
      const int ready = retry([&] { return ::poll(ends.data(), ends.size(), wait_for()); });
      if (ready > 0) {
        read_from(ends[0], out_);
        read_from(ends[1], err_);
      } else if (child_.ended()) {
        break;  // a child that it left behind holds the pipe open
      }
    }
    await_end();
    child_.reap(result_);
    drain(ends);
    out_.finish();
    err_.finish();
    result_.wall = std::chrono::duration_cast<milliseconds>(Clock::now() - start_);
    return std::move(result_);
  }

 private:
  void read_from(pollfd& end, Sink& sink) {
    if (end.fd < 0 || end.revents == 0) return;
    const auto count = retry([&] { return ::read(end.fd, buffer_.data(), buffer_.size()); });
    if (count <= 0) {
      end.fd = -1;  // poll passes over it
      return;
    }
    last_output_ = Clock::now();
    sink.take({buffer_.data(), static_cast<std::size_t>(count)});
  }

  // What was written before the end and not read yet: at most what two pipes hold, though a stray may go on
  // writing.
  void drain(std::array<pollfd, 2>& ends) {
    for (int reads = 0; reads < 64 && (ends[0].fd >= 0 || ends[1].fd >= 0); ++reads) {
      if (retry([&] { return ::poll(ends.data(), ends.size(), 0); }) <= 0) return;
      read_from(ends[0], out_);
      read_from(ends[1], err_);
    }
  }

  // When the program's time is up, by whichever limit comes first.
  Clock::time_point deadline() const {
    auto result = Clock::time_point::max();
    if (process_.time_limit) result = std::min(result, start_ + *process_.time_limit);
    if (process_.quiet_limit) result = std::min(result, last_output_ + *process_.quiet_limit);
    return result;
  }

  int wait_for() const {
    const auto left = std::min<Clock::duration>(deadline() - Clock::now(), tick);
    return static_cast<int>(std::max(std::chrono::ceil<milliseconds>(left), milliseconds(0)).count());
  }

  // Once it is time: tells the group to go, and (after the grace) makes it go.
  bool end_early() {
    if (result_.timed_out || result_.stopped) return true;
    result_.timed_out = Clock::now() >= deadline();
    result_.stopped = process_.stop && process_.stop->load(std::memory_order_relaxed);
    if (!result_.timed_out && !result_.stopped) return false;
    if (process_.grace > milliseconds(0)) {
      child_.kill_group(SIGTERM);
      const auto until = Clock::now() + process_.grace;
      while (Clock::now() < until && !child_.ended()) std::this_thread::sleep_for(milliseconds(5));
    }
    child_.kill_group(SIGKILL);
    return true;
  }

  // Both pipes are closed a moment before the program has ended; or it closed them by itself and goes on.
  void await_end() {
    for (auto pause = std::chrono::microseconds(50); !child_.ended() && !end_early();) {
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::microseconds(10000));
    }
  }

  const Process& process_;
  Clock::time_point start_, last_output_ = start_;
  ProcessResult result_;
  std::array<char, 65536> buffer_;
  Sink out_, err_;
  Child child_;
};

bool is_executable(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

namespace {

// "ran nix-instantiate --eval ...: exit status 0, 1.20 s": of a long command its start.
std::string told(const Process& process, const ProcessResult& result) {
  constexpr std::size_t most = 160;
  std::string command = fmt::format("{}", fmt::join(process.arguments, " "));
  if (command.size() > most) command = command.substr(0, most) + " ...";
  return fmt::format("ran {}: {}, {:.2f} s", command, result.ending(),
                     std::chrono::duration<double>(result.wall).count());
}

}  // namespace

ProcessResult run_process(const Process& process) {
  ProcessResult result = Run(process).finish();
  narrate([&] { return told(process, result); });
  return result;
}

std::string ProcessResult::ending() const {
  if (timed_out) return "ran longer than allowed";
  if (stopped) return "was stopped";
  if (signal != 0) return fmt::format("signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit status {}", exit_status);
}

std::optional<std::string> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    std::string path(name);
    return is_executable(path) ? std::optional(path) : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
    if (!folder.starts_with('/')) continue;  // a relative entry would run what a foreign folder holds
    std::string candidate = fmt::format("{}/{}", folder, name);
    if (!name.empty() && is_executable(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace lathe
