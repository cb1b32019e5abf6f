// SPDX-License-Identifier: MIT
// An original restored out of its side file, with progress; told. For `restore` and `shrink --undo`.
#pragma once

#include <filesystem>
#include <string>

#include "os/terminal.h"
#include "side/restore.h"
#include "side/side_file.h"

namespace lathe {

struct RestoreCall {
  std::filesystem::path slim;
  std::filesystem::path to;  // RestoreOptions::to
  bool dry_run = false;
};

Restored restore_with_progress(const RestoreCall& call, const SideContent& side, Terminal& terminal);
void print_restored(const RestoreCall& call, const SideContent& side, const Restored& done,
                    Terminal& terminal);
void print_restored_json(const RestoreCall& call, const SideContent& side, const Restored& done,
                         Terminal& terminal);

}  // namespace lathe
