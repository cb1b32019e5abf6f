// SPDX-License-Identifier: MIT
#include "audit/apply.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "audit/audit.h"
#include "audit/journal.h"
#include "base/error.h"
#include "base/text.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/inside.h"
#include "os/name.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Kind = Inside::Kind;

constexpr std::uint64_t largest_recipe = std::uint64_t{64} << 20;
constexpr std::uint64_t largest_plan = std::uint64_t{64} << 20;

[[noreturn]] void refuse(const fs::path& path, std::string what, std::string next) {
  throw Error({.what = std::move(what), .where = {.file = path.string()}, .next = std::move(next)});
}

// The folder of the journals, none of which is a link: what is in it lies in the folder of recipes.
Inside open_journals(const Inside& recipes) {
  const Kind kind = recipes.kind(journal_folder);
  if (kind == Kind::none) return recipes.make_folder(journal_folder);
  if (kind == Kind::folder) return recipes.open_folder(journal_folder);
  refuse(recipes.path(journal_folder), "this is not a folder, and journals are kept in one of this name",
         "nothing was done: move it away");
}

// One apply at a time in a folder.
class Lock {
 public:
  explicit Lock(const Inside& journals) : file_(journals.open_or_make("lock")) {
    // A lock that was deleted meanwhile, with the journals, keeps nobody out.
    struct stat status {};
    const bool locked = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
    const int failure = locked ? EWOULDBLOCK : errno;
    if (locked && ::fstat(file_.get(), &status) == 0 && status.st_nlink != 0) return;
    const fs::path folder = journals.path().parent_path();
    if (failure != EWOULDBLOCK) throw system_error("lock", journals.path("lock").string(), failure);
    throw Error({.what = "another apply is running in this folder",
                 .where = {.file = folder.string()},
                 .next = "wait until it has finished",
                 .kind = ErrorKind::fault});
  }

 private:
  Descriptor file_;
};

// Committed and uncommitted ones, oldest first.
std::vector<std::uint32_t> numbers_of(const Inside& journals) {
  std::vector<std::uint32_t> all;
  for (const auto& entry : fs::directory_iterator(journals.path())) {
    const std::string name = entry.path().filename().string();
    if (!is_digits(name)) continue;
    all.push_back(journal_number(name, entry.path().string()));
    if (journals.kind(name) != Kind::folder) {
      refuse(entry.path(), "this is not a folder, and a journal is one", "nothing was done: move it away");
    }
  }
  std::ranges::sort(all);
  return all;
}

// A journal's folder and the two in it.
struct Journal {
  Inside folder, fresh, old;

  static Journal open(const Inside& journals, std::uint32_t number) {
    Inside folder = journals.open_folder(name_of(journals, number));
    Inside fresh = folder.open_folder("new"), old = folder.open_folder("old");
    return {.folder = std::move(folder), .fresh = std::move(fresh), .old = std::move(old)};
  }
  static Journal make(const Inside& journals, std::uint32_t number) {
    Inside folder = journals.make_folder(name_of(journals, number));
    Inside fresh = folder.make_folder("new"), old = folder.make_folder("old");
    return {.folder = std::move(folder), .fresh = std::move(fresh), .old = std::move(old)};
  }
  static std::string name_of(const Inside& journals, std::uint32_t number) {
    return journal_name(number, journals.path().string());
  }
};

bool has_file(const Inside& folder, const std::string& name) {
  const Kind kind = folder.kind(name);
  if (kind == Kind::none || kind == Kind::file) return kind == Kind::file;
  refuse(folder.path(name), "not a regular file",
         "nothing was done: look at this journal, and delete its folder if it is not yours");
}

bool is_committed(const Inside& journals, std::uint32_t number) {
  return has_file(journals.open_folder(Journal::name_of(journals, number)), "plan.json");
}
bool is_done(const Inside& journals, std::uint32_t number) {
  return has_file(journals.open_folder(Journal::name_of(journals, number)), "done");
}

// What is to be replaced is a file or nothing yet; what goes is a file, or a link, which goes itself.
void check_targets(const Inside& recipes, const JournalSteps& steps) {
  const auto check = [&](const std::string& name, bool link_too) {
    const Kind kind = recipes.kind(name);
    if (kind == Kind::none || kind == Kind::file || (kind == Kind::link && link_too)) return;
    refuse(recipes.path(name),
           kind == Kind::link ? "a symbolic link: nothing is written over it or through it"
                              : "not a regular file: nothing is written over it",
           "nothing was done: move it away, then run apply again");
  };
  for (const std::string& name : steps.put) check(name, false);
  for (const std::string& name : steps.remove) check(name, true);
}

class Applier {
 public:
  Applier(const Inside& recipes, const Inside& journals, const ApplyStep& step)
      : recipes_(recipes), journals_(journals), step_(step) {}

  // Writes contents and steps; afterwards the journal is committed.
  std::uint32_t prepare(const Plan& plan, const JournalSteps& steps) {
    const auto all = numbers_of(journals_);
    const std::uint32_t number = all.empty() ? 1 : all.back() + 1;
    const Journal journal = Journal::make(journals_, number);
    for (const Edit& edit : plan.edits) {
      if (edit.kind == Verdict::remove) continue;
      step("write new");
      journal.fresh.write_new(edit.file, edit.new_content);
    }
    step("commit");
    journal.folder.write_new("plan.json.new", journal_text(steps));
    journal.folder.rename("plan.json.new", journal.folder, "plan.json");
    journal.folder.sync();
    journals_.sync();
    return number;
  }

  ApplyResult carry_out(std::uint32_t number) {
    const Journal journal = Journal::open(journals_, number);
    const JournalSteps steps = parse_journal(journal.folder.read("plan.json", largest_plan),
                                             journal.folder.path("plan.json").string());
    check_targets(recipes_, steps);
    for (const std::string& name : steps.put) has_file(journal.fresh, name);
    ApplyResult result{.put = 0, .removed = 0, .journal = journal.folder.path()};
    for (const std::string& name : steps.put) result.put += put(journal, name);
    for (const std::string& name : steps.remove) result.removed += remove(journal, name);
    journal.old.sync();
    recipes_.sync();
    step("done");
    journal.folder.write_new("done", "");
    return result;
  }

 private:
  void step(const std::string& what) const {
    if (step_) step_(what);
  }

  // The old file gets a second name in the journal, then the new one takes its place: the folder never lacks
  // the file.
  bool put(const Journal& journal, const std::string& name) {
    if (!has_file(journal.fresh, name)) return false;  // done before
    if (recipes_.kind(name) != Kind::none) keep(journal, name);
    step("put " + name);
    journal.fresh.rename(name, recipes_, name);
    return true;
  }

  bool remove(const Journal& journal, const std::string& name) {
    if (recipes_.kind(name) == Kind::none) return false;
    step("remove " + name);
    recipes_.rename(name, journal.old, free_name(journal, name));
    const std::size_t slash = name.rfind('/');
    // of NAME/default.nix
    if (slash != std::string::npos) recipes_.remove_empty_folder(name.substr(0, slash));
    return true;
  }

  void keep(const Journal& journal, const std::string& name) {
    const std::string kept = free_name(journal, name);
    if (journal.old.kind(kept) != Kind::none) return;  // this very file
    step("keep " + name);
    if (recipes_.link(name, journal.old, kept)) return;
    journal.old.write_new(kept, recipes_.read(name, largest_recipe));  // a file system without hard links
  }

  // Where in old/ this file goes: somebody may have written another one of its name after an interruption.
  std::string free_name(const Journal& journal, const std::string& name) const {
    const std::size_t last = name.rfind('/') + 1;
    std::string kept = name;
    for (int i = 2; journal.old.kind(kept) != Kind::none && !journal.old.same(kept, recipes_, name); ++i) {
      const std::string ending = fmt::format("~{}", i);
      kept = name.substr(0, last) + std::string(cut_name(name.substr(last), longest_name - ending.size())) +
             ending;
    }
    return kept;
  }

  const Inside& recipes_;
  const Inside& journals_;
  const ApplyStep& step_;
};

// Contents that were being written when the program ended: nobody has missed them yet.
void drop_uncommitted(const Inside& journals) {
  for (const std::uint32_t number : numbers_of(journals)) {
    if (!is_committed(journals, number)) fs::remove_all(journals.path(Journal::name_of(journals, number)));
  }
}

// After a full disk or the like: no new content stays, and no empty folder of journals.
void give_up(const Inside& journals) noexcept {
  try {
    drop_uncommitted(journals);
    if (numbers_of(journals).empty()) fs::remove_all(journals.path());
  } catch (...) {  // the next apply drops it
  }
}

JournalSteps steps_of(const Plan& plan, const Inside& recipes) {
  JournalSteps steps;
  for (const Edit& edit : plan.edits) {
    (edit.kind == Verdict::remove ? steps.remove : steps.put).push_back(edit.file);
    if (edit.kind == Verdict::rename) steps.remove.push_back(edit.from);
  }
  // A name that the journal cannot hold would be another one when it is read again.
  for (const std::vector<std::string>& names : {steps.put, steps.remove}) {
    for (const std::string& name : names) {
      const JournalSteps one{.put = {name}, .remove = {}};
      bool held = false;
      try {
        held = parse_journal(journal_text(one), journal_folder) == one;
      } catch (const Error&) {
      }
      if (!held)
        refuse(recipes.path(name), "apply does not touch a file with such a name",
               "nothing was done: rename it or move it away");
    }
  }
  return steps;
}

void check_unchanged(const Plan& plan, const Inside& recipes) {
  for (const Edit& edit : plan.edits) {
    const std::string& name = edit.from.empty() ? edit.file : edit.from;
    const Kind kind = recipes.kind(name);
    const bool there = kind != Kind::none;
    const bool same = edit.kind == Verdict::create
                          ? !there
                          : there && (kind != Kind::file || edit.old_content.empty() ||
                                      recipes.read(name, largest_recipe) == edit.old_content);
    if (!same) refuse(recipes.path(name), "changed after apply read it; nothing was done", "run apply again");
  }
}

// An apply finishes what an earlier one left before it begins, so that two are open can only be somebody
// else's doing.
std::optional<ApplyResult> finish(const Inside& recipes, const Inside& journals, const ApplyStep& step) {
  std::vector<std::uint32_t> open;
  for (const std::uint32_t number : numbers_of(journals)) {
    if (is_committed(journals, number) && !is_done(journals, number)) open.push_back(number);
  }
  if (open.size() > 1) {
    refuse(journals.path(),
           fmt::format("{} journals are unfinished ({} and {}); apply leaves at most one", open.size(),
                       Journal::name_of(journals, open[0]), Journal::name_of(journals, open[1])),
           "nothing was done: look at them, and delete those that your apply did not write");
  }
  drop_uncommitted(journals);
  if (open.empty()) return std::nullopt;
  return Applier(recipes, journals, step).carry_out(open[0]);
}

}  // namespace

std::optional<ApplyResult> finish_interrupted(const fs::path& folder, const ApplyStep& step) {
  if (!fs::exists(fs::symlink_status(folder / journal_folder))) return std::nullopt;
  const Inside recipes(folder), journals = open_journals(recipes);
  const Lock lock(journals);
  return finish(recipes, journals, step);
}

ApplyResult apply_plan(const Plan& plan, const fs::path& folder, const ApplyStep& step) {
  if (plan.edits.empty()) return {};
  create_folders(folder);
  const Inside recipes(folder), journals = open_journals(recipes);
  const Lock lock(journals);
  finish(recipes, journals, step);
  const JournalSteps steps = steps_of(plan, recipes);
  check_targets(recipes, steps);
  check_unchanged(plan, recipes);
  Applier applier(recipes, journals, step);
  std::uint32_t number = 0;
  try {
    number = applier.prepare(plan, steps);
  } catch (...) {
    give_up(journals);
    throw;
  }
  return applier.carry_out(number);
}

std::size_t forget_journals(const fs::path& folder) {
  if (!fs::exists(fs::symlink_status(folder / journal_folder))) return 0;
  const Inside recipes(folder), journals = open_journals(recipes);
  const Lock lock(journals);
  const auto all = numbers_of(journals);
  for (const std::uint32_t number : all) {
    if (!is_committed(journals, number) || is_done(journals, number)) continue;
    refuse(journals.path(Journal::name_of(journals, number)),
           "an apply was interrupted; its journal is still needed",
           "run apply, which finishes it, then apply --forget");
  }
  fs::remove_all(journals.path());
  return all.size();
}

}  // namespace lathe
