// SPDX-License-Identifier: MIT
#include <csignal>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "os/terminal.h"

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file larger than allowed (ulimit -f) is an error of the write
  try {
    lathe::Terminal terminal = lathe::Terminal::process();
    return lathe::run_torchlathe(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), terminal);
  } catch (...) {
    return 3;  // no memory even for the words of the command line, or for saying what is wrong
  }
}
