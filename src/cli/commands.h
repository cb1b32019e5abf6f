// SPDX-License-Identifier: MIT
// The one table of commands. A command lives in a file of its own and is one row here.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options/global_options.h"
#include "cli/options/options.h"
#include "os/terminal.h"

namespace lathe {

// A command with its options bound: `set` fills them, `run` acts on them.
struct BoundCommand {
  OptionSet set;
  GlobalOptions global;
  std::function<int(Terminal&)> run;
  std::shared_ptr<void> options;  // what `set` writes into
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line, as in the list of commands
  std::string_view group;    // heading in the list of commands
  std::unique_ptr<BoundCommand> (*bind)();
};

// Makes `bind` for a command that has `struct OPTIONS`, `void declare(OptionSet&, OPTIONS&)` and `int
// run(const OPTIONS&, Terminal&)`.
template <typename Options>
std::unique_ptr<BoundCommand> bind_command(void (*declare)(OptionSet&, Options&),
                                           int (*run)(const Options&, Terminal&)) {
  auto options = std::make_shared<Options>();
  auto bound = std::make_unique<BoundCommand>();
  declare(bound->set, *options);
  bound->global.declare(bound->set);
  bound->run = [options, run](Terminal& terminal) { return run(*options, terminal); };
  bound->options = options;
  return bound;
}

std::span<const Command> commands();

// Runs `torchlathe ARGUMENTS`; prints what goes wrong. Returns the exit code: 0 clean, 1 findings, 2 usage,
// 3 fault.
int run_torchlathe(const std::vector<std::string>& arguments, Terminal& terminal);

// One function per command file.
std::unique_ptr<BoundCommand> command_apply();
std::unique_ptr<BoundCommand> command_arch_patch();
std::unique_ptr<BoundCommand> command_audit();
std::unique_ptr<BoundCommand> command_build();
std::unique_ptr<BoundCommand> command_carve();
std::unique_ptr<BoundCommand> command_catalog();
std::unique_ptr<BoundCommand> command_completion();
std::unique_ptr<BoundCommand> command_detect();
std::unique_ptr<BoundCommand> command_diagnose();
std::unique_ptr<BoundCommand> command_docs();
std::unique_ptr<BoundCommand> command_explain();
std::unique_ptr<BoundCommand> command_export();
std::unique_ptr<BoundCommand> command_doctor();
std::unique_ptr<BoundCommand> command_generate();
std::unique_ptr<BoundCommand> command_help();
std::unique_ptr<BoundCommand> command_schema();
std::unique_ptr<BoundCommand> command_history();
std::unique_ptr<BoundCommand> command_import();
std::unique_ptr<BoundCommand> command_init();
std::unique_ptr<BoundCommand> command_inspect();
std::unique_ptr<BoundCommand> command_list();
std::unique_ptr<BoundCommand> command_plan();
std::unique_ptr<BoundCommand> command_publish();
std::unique_ptr<BoundCommand> command_report();
std::unique_ptr<BoundCommand> command_restore();
std::unique_ptr<BoundCommand> command_serve();
std::unique_ptr<BoundCommand> command_show();
std::unique_ptr<BoundCommand> command_shrink();
std::unique_ptr<BoundCommand> command_smoke();
std::unique_ptr<BoundCommand> command_select();
std::unique_ptr<BoundCommand> command_toolkit();
std::unique_ptr<BoundCommand> command_verify();
std::unique_ptr<BoundCommand> command_version();

}  // namespace lathe
