// SPDX-License-Identifier: MIT
// The options that every command has, before or behind its name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/options/options.h"
#include "cli/options/run_log.h"
#include "os/narrate.h"

namespace lathe {

class Terminal;

struct GlobalOptions {
  bool verbose = false, quiet = false, no_progress = false;
  std::string color = "auto", log;

  void declare(OptionSet& set);
  // Sets the terminal up. The log that it now tells everything to; nullptr without --log.
  std::shared_ptr<RunLog> apply(Terminal& terminal) const;
  // Files that are read and programs that are run, each with the time since the start: for --verbose and
  // --log.
  Narration narrate(Terminal& terminal) const;
};

// "--color never list -q" with the command first: "list --color never -q".
std::vector<std::string> command_first(std::vector<std::string> arguments);

}  // namespace lathe
