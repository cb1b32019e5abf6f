// SPDX-License-Identifier: MIT
// Does what a plan says, so that a crash or kill -9 at any point leaves the folder finishable: the journal
// folder (.torchlathe-journal/NNNN in the recipe folder) holds the list of steps, all new contents and,
// afterwards, all old files.
//
//   NNNN/new/FILE    contents to come, written and synced before anything else happens
//   NNNN/plan.json   the steps; once it is there the journal is committed, before that it does not count
//   NNNN/old/FILE    what was in the folder until now
//   NNNN/done        all steps were done
//
// A step is done when its file is gone from new/ (put) or from the folder (remove), so doing all steps again
// finishes. No step follows a symbolic link or leaves the folder, whoever wrote the journal (journal.h,
// os/inside.h).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "audit/journal.h"
#include "audit/plan.h"

namespace lathe {

struct ApplyResult {
  std::size_t put = 0, removed = 0;
  std::filesystem::path journal;  // where the old files are; empty: nothing was replaced or removed
};

// A seam for tests: called before each step that changes something on disk.
using ApplyStep = std::function<void(const std::string& what)>;

// Finishes what an interrupted apply of this folder began; nullopt: there was none.
std::optional<ApplyResult> finish_interrupted(const std::filesystem::path& folder,
                                              const ApplyStep& step = {});

// An Error, and nothing is done, when a file is no longer as the plan saw it.
ApplyResult apply_plan(const Plan& plan, const std::filesystem::path& folder, const ApplyStep& step = {});

// Deletes the journals, and with them the old files. An Error when an apply was interrupted. Returns how
// many there were.
std::size_t forget_journals(const std::filesystem::path& folder);

}  // namespace lathe
