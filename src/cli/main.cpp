// SPDX-License-Identifier: MIT
#include <csignal>
#include <string>
#include <vector>

#include "cli/commands.h"

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file larger than allowed (ulimit -f) is an error of the write
  lathe::Terminal terminal = lathe::Terminal::process();
  return lathe::run_torchlathe(std::vector<std::string>(argv + 1, argv + argc), terminal);
}
