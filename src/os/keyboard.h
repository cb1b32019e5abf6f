// SPDX-License-Identifier: MIT
// What somebody at the terminal says: answers to questions; single keys from standard input, without waiting
// and without echo; and how many rows the terminal has. Where standard input is not a terminal, or this
// process is not in its foreground, there are no keys. Ctrl-C stays a signal.
#pragma once

#include <termios.h>

#include <optional>
#include <string_view>

namespace lathe {

class Terminal;

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

// Somebody sees a question and can answer: standard input and standard error are terminals.
bool somebody_answers();

// Asks "QUESTION [y/N] " on standard error. All but "y" and "yes" is a no, the end of the input too.
bool says_yes(std::string_view question, Terminal& terminal);

unsigned terminal_rows();  // of standard error; 24 where it is not known

}  // namespace lathe
