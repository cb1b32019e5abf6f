// SPDX-License-Identifier: MIT
// Single keys from the terminal on standard input, without waiting and without echo, and how many rows the
// terminal has. Where standard input is no terminal, or this process is not in its foreground, there are no
// keys. Ctrl-C stays a signal.
#pragma once

#include <termios.h>

#include <optional>

namespace lathe {

class Keyboard {
 public:
  Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;
  ~Keyboard();  // the terminal is as it was

  std::optional<char> key();  // one that was pressed; nullopt: none

 private:
  bool listening_ = false;
  termios before_ = {};
};

unsigned terminal_rows();  // of standard error; 24 where it is not known

}  // namespace lathe
