// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "cli/commands.h"

int main(int argc, char** argv) {
  lathe::Terminal terminal = lathe::Terminal::process();
  return lathe::run_torchlathe(std::vector<std::string>(argv + 1, argv + argc), terminal);
}
