// SPDX-License-Identifier: MIT
#include "host/nvml.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "host/host_json.h"
#include "host/nvml_api.h"
#include "host/nvml_child.h"
#include "os/descriptor.h"

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t longest_answer = std::size_t{4} << 20;

[[noreturn]] void run_child(const NvmlOptions& options, int answer) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = ::open("/dev/null", O_RDWR);  // what the library prints is nobody's business
  for (const int stream : {0, 1, 2}) ::dup2(nowhere, stream);
  std::string text;
  try {
    text = ask_nvml_here(options);
  } catch (const std::exception&) {
    ::_exit(1);
  }
  for (std::size_t done = 0; done < text.size();) {
    const auto count = ::write(answer, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) ::_exit(1);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  ::_exit(0);  // no nvmlShutdown: it may hang too, and the process's end closes all
}

// Gathers what arrives until the writer closes. False: the time was over before.
bool read_until(int source, Clock::time_point end, std::string& text) {
  std::array<char, 65536> buffer;
  while (text.size() < longest_answer) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now()).count();
    pollfd waiting{.fd = source, .events = POLLIN, .revents = 0};
    const int ready = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (ready == 0) return false;
    if (ready < 0 && errno == EINTR) continue;
    const auto count = ::read(source, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return true;
}

// The status of a child that was told to end. One that hangs inside the driver cannot be killed before the
// driver returns: it is left to init after a moment.
std::optional<int> collect(pid_t child) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    int status = 0;
    const pid_t got = ::waitpid(child, &status, WNOHANG);
    if (got == child) return status;
    if (got < 0 && errno != EINTR) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(attempt < 10 ? 1 : 5));
  }
  return std::nullopt;
}

NvmlReport hung(milliseconds limit) {
  return {.outcome = NvmlReport::Outcome::hung,
          .what = fmt::format("NVIDIA's management library did not answer within {} s",
                              static_cast<double>(limit.count()) / 1000)};
}

NvmlReport crashed(std::optional<int> status) {
  const int signal = status && WIFSIGNALED(*status) ? WTERMSIG(*status) : 0;
  return {.outcome = NvmlReport::Outcome::crashed,
          .what = signal ? fmt::format("NVIDIA's management library crashed ({})", ::strsignal(signal))
                         : std::string("NVIDIA's management library ended without an answer")};
}

std::optional<Version> version_in(const Json& json, std::string_view key) {
  return Version::parse(json.text_of(key));
}

// 13000 is 13.0, 12080 is 12.8.
std::optional<Version> cuda_in(const Json& json) {
  const Json* value = json.find("cuda");
  const std::int64_t* number = value ? value->get<std::int64_t>() : nullptr;
  if (!number || *number < 1000 || *number > 99990) return std::nullopt;
  return Version{{static_cast<int>(*number / 1000), static_cast<int>(*number % 1000 / 10)}};
}

void add_odd_gpus(NvmlReport& report) {
  for (const HostGpu& gpu : report.gpus) {
    if (gpu.capability) continue;
    report.notes.add({.rule = "nvml-nonsense",
                      .severity = Severity::warning,
                      .what = fmt::format("NVIDIA's management library gives no capability for {}", gpu.name),
                      .fix = "update the driver"});
  }
}

// As the loader finds it, then where systems keep it: a program of Nix's does not look there by itself.
std::vector<std::string> places_of(const std::string& name) {
  std::vector<std::string> places = {name};
  for (const char* folder :
       {"/run/opengl-driver/lib/", "/usr/lib/x86_64-linux-gnu/", "/usr/lib/aarch64-linux-gnu/", "/usr/lib64/",
        "/usr/lib/", "/usr/lib/aarch64-linux-gnu/nvidia/", "/usr/lib/wsl/lib/"}) {
    places.push_back(folder + name);
  }
  return places;
}

bool flag_in(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  const bool* flag = value ? value->get<bool>() : nullptr;
  return flag && *flag;
}

}  // namespace

NvmlOptions default_nvml_options() {
  const char* path = std::getenv("TORCHLATHE_NVML");
  const bool given = path && *path;
  return {.libraries = given ? std::vector<std::string>{path} : places_of("libnvidia-ml.so.1"),
          .cuda_libraries = places_of("libcuda.so.1")};
}

NvmlReport read_nvml_answer(std::string_view text) {
  const Json json = parse_json(text, "NVML's answer", {.bytes = longest_answer, .depth = 20});
  NvmlReport report;
  report.libcuda = flag_in(json, "libcuda");
  if (!flag_in(json, "library")) return report;
  report.driver = version_in(json, "driver");
  report.library = version_in(json, "nvml");
  report.cuda = cuda_in(json);
  report.outcome = NvmlReport::Outcome::answered;
  if (const Json* failure = json.find("failure"); failure && failure->text()) {
    report.outcome = NvmlReport::Outcome::failed;
    report.what = fmt::format("NVIDIA's management library cannot answer: {}", *failure->text());
    return report;
  }
  if (const Json* gpus = json.find("gpus"); gpus && gpus->array()) {
    for (const Json& gpu : *gpus->array()) report.gpus.push_back(read_host_gpu(gpu, "NVML's answer"));
  }
  if (const Json* lost = json.find("lost"); lost && lost->array()) {
    for (const Json& what : *lost->array()) {
      report.notes.add(
          {.rule = "gpu-lost", .what = what.text() ? *what.text() : "", .fix = "restart the machine"});
    }
  }
  add_odd_gpus(report);
  return report;
}

NvmlReport ask_nvml(const NvmlOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("make a pipe", "", errno);
  Descriptor answer(ends[0]), told(ends[1]);
  const auto end = Clock::now() + options.time_limit;
  const pid_t child = ::fork();
  if (child == 0) run_child(options, told.get());
  if (child < 0) throw system_error("start a process", "", errno);
  told.close();
  std::string text;
  const bool whole = read_until(answer.get(), end, text);
  answer.close();
  if (!whole) ::kill(child, SIGKILL);
  const auto status = collect(child);
  if (!whole) return hung(options.time_limit);
  if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0 || text.empty()) return crashed(status);
  return read_nvml_answer(text);
}

}  // namespace lathe
