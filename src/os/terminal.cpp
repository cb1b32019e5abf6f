// SPDX-License-Identifier: MIT
#include "os/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::size_t gather = std::size_t{64} << 10;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool wants_colour() {
  if (!environment("NO_COLOR").empty()) return false;
  if (environment("CLICOLOR_FORCE") == "1") return true;
  return ::isatty(STDOUT_FILENO) == 1 && environment("TERM") != "dumb";
}

void write_stream(int descriptor, std::string_view name, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EPIPE) std::raise(SIGPIPE);
    if (put < 0) throw system_error("write", std::string(name), errno);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Terminal Terminal::process() {
  Terminal terminal;
  terminal.colour_ = wants_colour();
  terminal.err_is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.width_ = size.ws_col;
  return terminal;
}

void Terminal::out(std::string_view text) {
  if (out_text_) {
    out_text_->append(text);
    return;
  }
  pending_.append(text);
  if (pending_.size() >= gather) flush();
}

void Terminal::err(std::string_view text) {
  if (err_text_) {
    err_text_->append(text);
    return;
  }
  flush();  // so that both streams on one terminal keep their order
  write_stream(STDERR_FILENO, "standard error", text);
}

void Terminal::flush() {
  const std::string text = std::move(pending_);
  pending_.clear();
  write_stream(STDOUT_FILENO, "standard output", text);
}

std::string Terminal::styled(Style style, std::string_view text) const {
  static constexpr const char* codes[] = {"", "1", "2", "31", "32", "33", "34"};
  const char* code = codes[static_cast<int>(style)];
  return colour_ && *code ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void Progress::show(std::string_view text) {
  if (!terminal_.err_is_terminal()) return;
  const std::int64_t now = now_ms();
  if (shown_ && now - last_ms_ < 100) return;
  last_ms_ = now;
  shown_ = true;
  std::string line = printable(text);
  while (display_width(line) >= terminal_.width()) line.pop_back();
  terminal_.err(fmt::format("\r\x1b[K{}", line));
}

void Progress::done() {
  if (shown_) terminal_.err("\r\x1b[K");
  shown_ = false;
}

}  // namespace lathe
