// SPDX-License-Identifier: MIT
#include "os/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iterator>

#include "base/error.h"
#include "base/outside_text.h"
#include "base/text.h"
#include "base/wrap.h"

namespace lathe {
namespace {

constexpr std::size_t gather = std::size_t{64} << 10;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// A terminal that obeys escape codes.
bool obeys_codes(int descriptor) { return ::isatty(descriptor) == 1 && environment("TERM") != "dumb"; }

bool wants_colour() {
  if (!environment("NO_COLOR").empty()) return false;
  if (environment("CLICOLOR_FORCE") == "1") return true;
  return obeys_codes(STDOUT_FILENO);
}

// 0 where it is not a terminal.
unsigned columns_of(int descriptor) {
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// A narrower one shows a word a line: it is left to break the lines itself.
constexpr unsigned narrowest = 20;

// What a person sees, or says by COLUMNS that he sees; a pipe has lines of any length.
unsigned columns_to_fold_at(int descriptor) {
  if (const unsigned columns = columns_of(descriptor)) return columns < narrowest ? 0 : columns;
  const std::string_view given = environment("COLUMNS");
  unsigned columns = 0;
  std::from_chars(given.data(), given.data() + given.size(), columns);
  return columns < narrowest ? 0 : columns;
}

// 0, or why not all could be written. A descriptor that somebody else made non-blocking is waited for.
int write_stream(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      pollfd wait{descriptor, POLLOUT, 0};
      ::poll(&wait, 1, -1);
      continue;
    }
    if (put < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

// With what cannot be used that way: whoever reads or writes the stream gets an error, as if it were closed.
// Any folder can be opened, and not written.
void occupy_closed_streams() {
  for (int number = 0; number <= 2; ++number) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    if (number == STDIN_FILENO && ::open("/dev/null", O_WRONLY) >= 0) continue;
    if (::open("/", O_RDONLY | O_DIRECTORY) < 0) return;
  }
}

// The bytes at the end that only begin a UTF-8 character: the rest of it may come with the next piece.
std::size_t unfinished_end(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) return first_character(text.substr(text.size() - back)).length == 0 ? back : 0;
  }
  return 0;
}

// Of a line that is still to be broken the rest must be there; one of half of what is gathered is none.
std::size_t unfinished_line(std::string_view text) {
  const std::size_t end = text.rfind('\n');
  const std::size_t unfinished = end == text.npos ? text.size() : text.size() - end - 1;
  return unfinished > gather / 2 ? unfinished_end(text) : unfinished;
}

void drop_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string_view to_string(Tone tone) {
  static constexpr std::string_view names[] = {"detail", "note", "error"};
  return names[static_cast<std::size_t>(tone)];
}

Terminal Terminal::process() {
  occupy_closed_streams();
  Terminal terminal;
  // a closed standard error must not end the work
  terminal.pipe_ends_us_ = std::signal(SIGPIPE, SIG_IGN) != SIG_IGN;
  terminal.out_is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  terminal.colour_ = wants_colour();
  terminal.err_is_terminal_ = obeys_codes(STDERR_FILENO);
  if (const unsigned columns = columns_of(STDERR_FILENO)) terminal.width_ = columns;
  terminal.fold_ = columns_to_fold_at(STDOUT_FILENO);
  terminal.err_fold_ = columns_to_fold_at(STDERR_FILENO);
  return terminal;
}

std::string Terminal::shown(std::string_view text, unsigned fold) const {
  return fold == 0 ? shown(text) : shown(folded(printable_lines(text), fold));
}

// Marks of style are there only with colour, and stand for its codes.
std::string Terminal::shown(std::string_view text) const {
  static constexpr const char* codes[] = {"0", "1", "2", "31", "32", "33", "34"};
  const std::string safe = printable_lines(text);
  if (!colour_) return safe;
  std::string result;
  std::size_t at = 0;
  for (std::size_t mark = safe.find(style_mark()); mark != std::string::npos;
       mark = safe.find(style_mark(), at)) {
    result.append(safe, at, mark - at);
    at = mark + style_mark().size() + 1;
    const auto style = static_cast<std::size_t>(safe.at(at - 1) - '0');
    if (style < std::size(codes)) result += fmt::format("\x1b[{}m", codes[style]);
  }
  return result.append(safe, at);
}

void Terminal::out(std::string_view text) {
  if (out_text_) {
    out_text_->append(shown(text, fold_));
    return;
  }
  pending_.append(text);
  if (pending_.size() < gather) return;
  const std::size_t unfinished = fold_ == 0 ? unfinished_end(pending_) : unfinished_line(pending_);
  const std::string rest = pending_.substr(pending_.size() - unfinished);
  pending_.resize(pending_.size() - rest.size());
  flush();
  pending_ = rest;
}

void Terminal::data(std::string_view content) {
  if (out_text_) {
    out_text_->append(content);
    return;
  }
  flush();
  write_now(out_is_terminal_ ? shown(content) : content);
}

void Terminal::err(std::string_view text) { err_codes(shown(text, err_fold_)); }

void Terminal::err_codes(std::string_view codes) {
  if (err_text_) {
    err_text_->append(codes);
    return;
  }
  try {
    write_out();  // so that both streams on one terminal keep their order
  } catch (...) {
    failure_ = std::current_exception();  // thrown by the next flush
  }
  write_stream(STDERR_FILENO, codes);
}

void Terminal::say(Tone tone, std::string_view text) {
  if (tone >= least_) err(text);
  if (listener_) listener_(tone, text);
}

void Terminal::flush() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  write_out();
}

void Terminal::write_out() { write_now(shown(std::exchange(pending_, {}), fold_)); }

void Terminal::write_now(std::string_view bytes) const {
  const int error_number = write_stream(STDOUT_FILENO, bytes);
  if (error_number == EPIPE && pipe_ends_us_) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  if (error_number != 0) throw system_error("write", "standard output", error_number);
}

std::string Terminal::styled(Style style, std::string_view text) const {
  const int number = static_cast<int>(style);
  if (!colour_ || style == Style::plain) return printable(text);
  return fmt::format("{0}{1}{2}{0}0", style_mark(), number, printable(text));
}

void Progress::show(std::string_view text) {
  if (!terminal_.shows_progress()) return;
  const std::int64_t now = now_ms();
  if (shown_ && now - last_ms_ < 100) return;
  last_ms_ = now;
  shown_ = true;
  std::string line = printable(text);
  while (display_width(line) >= terminal_.width()) drop_last_character(line);
  terminal_.err_codes(fmt::format("\r\x1b[K{}", line));  // the line is printable
}

void Progress::done() {
  if (shown_) terminal_.err_codes("\r\x1b[K");
  shown_ = false;
}

}  // namespace lathe
