// SPDX-License-Identifier: MIT
#include "os/keyboard.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "base/safe_format.h"
#include "os/terminal.h"

namespace lathe {

Keyboard::Keyboard() {
  if (::isatty(STDIN_FILENO) != 1 || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp() ||
      ::tcgetattr(STDIN_FILENO, &before_) != 0)
    return;
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 0;
  keys.c_cc[VTIME] = 0;
  listening_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

Keyboard::~Keyboard() {
  if (listening_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

std::optional<char> Keyboard::key() {
  // to read in the background would stop us
  if (!listening_ || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return std::nullopt;
  pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  char letter = 0;
  if (::poll(&waiting, 1, 0) != 1 || ::read(STDIN_FILENO, &letter, 1) != 1) return std::nullopt;
  return letter;
}

bool somebody_answers() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool says_yes(std::string_view question, Terminal& terminal) {
  terminal.flush();  // what the question is about comes first
  terminal.err(safe_format("{} [y/N] ", question));
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

unsigned terminal_rows() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

}  // namespace lathe
