// SPDX-License-Identifier: MIT
#include "audit/apply.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

struct Steps {
  std::vector<std::string> put, remove;  // file names relative to the folder
};

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw system_error("open", folder.string(), errno);
  ::fsync(fd);  // some file systems cannot sync a folder; then there is nothing better to do
  ::close(fd);
}

// One apply at a time in a folder.
class Lock {
 public:
  explicit Lock(const fs::path& folder) {
    create_folders(folder / journal_folder);
    const fs::path path = folder / journal_folder / "lock";
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) throw system_error("open", path.string(), errno);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      throw Error({.what = "another apply is at work in this folder", .where = {.file = folder.string()}, .next = "wait until it has ended", .kind = ErrorKind::fault});
    }
  }
  ~Lock() { ::close(fd_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int fd_ = -1;
};

bool is_number(const std::string& text) { return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }); }

// Committed and uncommitted ones, oldest first.
std::vector<fs::path> journals(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code error;
  for (fs::directory_iterator entry(folder / journal_folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory() && is_number(entry->path().filename().string())) all.push_back(entry->path());
  }
  std::ranges::sort(all);
  return all;
}

bool is_committed(const fs::path& journal) { return fs::exists(journal / "plan.json"); }
bool is_done(const fs::path& journal) { return fs::exists(journal / "done"); }

// A name out of a plan must stay in the folder.
std::string checked(const std::string& name, const fs::path& journal) {
  const fs::path path(name);
  const bool leaves = path.is_absolute() || std::ranges::any_of(path, [](const fs::path& part) { return part == ".."; });
  if (name.empty() || leaves) throw Error({.what = fmt::format("the journal names a file outside the folder: \"{}\"", name), .where = {.file = (journal / "plan.json").string()}, .next = {}});
  return name;
}

std::vector<std::string> names_in(const Json& json, std::string_view key, const fs::path& journal) {
  std::vector<std::string> names;
  const Json* list = json.find(key);
  if (!list || !list->array()) return names;
  for (const Json& item : *list->array()) {
    if (item.text()) names.push_back(checked(*item.text(), journal));
  }
  return names;
}

Steps read_steps(const fs::path& journal) {
  const std::string file = (journal / "plan.json").string();
  const Json json = parse_json(read_file(file), file);
  return {.put = names_in(json, "put", journal), .remove = names_in(json, "remove", journal)};
}

std::string steps_json(const Steps& steps) {
  JsonWriter json;
  return json.begin_object().member("version", 1).member("put", steps.put).member("remove", steps.remove).end_object().take();
}

class Applier {
 public:
  Applier(fs::path folder, const ApplyStep& step) : folder_(std::move(folder)), step_(step) {}

  // Writes contents and steps; afterwards the journal is committed.
  fs::path prepare(const Plan& plan) {
    const auto all = journals(folder_);
    const int number = all.empty() ? 1 : std::stoi(all.back().filename().string()) + 1;
    const fs::path journal = folder_ / journal_folder / fmt::format("{:04}", number);
    Steps steps;
    for (const Edit& edit : plan.edits) {
      if (edit.kind == Verdict::remove) {
        steps.remove.push_back(edit.file);
        continue;
      }
      step("write new");
      create_folders((journal / "new" / edit.file).parent_path());
      write_file_atomically(journal / "new" / edit.file, edit.new_content, Durability::synced);
      steps.put.push_back(edit.file);
      if (edit.kind == Verdict::rename) steps.remove.push_back(edit.from);
    }
    step("commit");
    create_folders(journal / "old");
    write_file_atomically(journal / "plan.json", steps_json(steps), Durability::synced);
    sync_folder(folder_ / journal_folder);
    return journal;
  }

  ApplyResult carry_out(const fs::path& journal) {
    const Steps steps = read_steps(journal);
    ApplyResult result{.put = 0, .removed = 0, .journal = journal};
    for (const std::string& name : steps.put) result.put += put(journal, name);
    for (const std::string& name : steps.remove) result.removed += remove(journal, name);
    sync_folder(journal / "old");
    sync_folder(folder_);
    step("done");
    write_file_atomically(journal / "done", "", Durability::synced);
    return result;
  }

 private:
  void step(const std::string& what) const {
    if (step_) step_(what);
  }

  // The old file gets a second name in the journal, then the new one takes its place: the folder never lacks the file.
  bool put(const fs::path& journal, const std::string& name) {
    const fs::path source = journal / "new" / name, target = folder_ / name;
    if (!exists(source)) return false;  // done before
    create_folders(target.parent_path());
    if (exists(target)) keep(journal, name);
    step("put " + name);
    fs::rename(source, target);
    return true;
  }

  bool remove(const fs::path& journal, const std::string& name) {
    const fs::path target = folder_ / name;
    if (!exists(target)) return false;
    step("remove " + name);
    const fs::path kept = free_name(journal, name, target);
    fs::rename(target, kept);
    std::error_code ignored;
    if (target.parent_path() != folder_) fs::remove(target.parent_path(), ignored);  // NAME/default.nix leaves an empty NAME
    return true;
  }

  void keep(const fs::path& journal, const std::string& name) {
    const fs::path target = folder_ / name, kept = free_name(journal, name, target);
    if (exists(kept)) return;  // this very file
    step("keep " + name);
    std::error_code error;
    if (fs::is_symlink(target)) fs::copy_symlink(target, kept, error);
    else fs::create_hard_link(target, kept, error);
    if (error) fs::copy_file(target, kept);  // a file system without hard links
  }

  // Where in old/ this file goes: somebody may have written another one of its name after an interruption.
  static fs::path free_name(const fs::path& journal, const std::string& name, const fs::path& target) {
    create_folders((journal / "old" / name).parent_path());
    fs::path kept = journal / "old" / name;
    for (int i = 2; exists(kept); ++i) {
      std::error_code ignored;
      if (fs::equivalent(kept, target, ignored)) return kept;
      kept = journal / "old" / fmt::format("{}~{}", name, i);
    }
    return kept;
  }

  static bool exists(const fs::path& path) { return fs::exists(fs::symlink_status(path)); }

  const fs::path folder_;
  const ApplyStep& step_;
};

// Contents that were being written when the program ended: nobody has missed them yet.
void drop_uncommitted(const fs::path& folder) {
  for (const fs::path& journal : journals(folder)) {
    if (!is_committed(journal)) fs::remove_all(journal);
  }
}

void check_unchanged(const Plan& plan, const fs::path& folder) {
  for (const Edit& edit : plan.edits) {
    const fs::path path = folder / (edit.from.empty() ? edit.file : edit.from);
    const bool there = fs::exists(fs::symlink_status(path));
    const bool same = edit.kind == Verdict::create ? !there : there && (!fs::is_regular_file(path) || edit.old_content.empty() || read_file(path) == edit.old_content);
    if (!same) {
      throw Error({.what = "changed after it was looked at; nothing was done", .where = {.file = path.string()}, .next = "run apply again"});
    }
  }
}

std::optional<ApplyResult> finish(const fs::path& folder, const ApplyStep& step) {
  drop_uncommitted(folder);
  std::optional<ApplyResult> result;
  for (const fs::path& journal : journals(folder)) {
    if (!is_done(journal)) result = Applier(folder, step).carry_out(journal);
  }
  return result;
}

}  // namespace

std::optional<ApplyResult> finish_interrupted(const fs::path& folder, const ApplyStep& step) {
  if (!fs::exists(folder / journal_folder)) return std::nullopt;
  const Lock lock(folder);
  return finish(folder, step);
}

ApplyResult apply_plan(const Plan& plan, const fs::path& folder, const ApplyStep& step) {
  if (plan.edits.empty()) return {};
  create_folders(folder);
  const Lock lock(folder);
  finish(folder, step);
  check_unchanged(plan, folder);
  Applier applier(folder, step);
  return applier.carry_out(applier.prepare(plan));
}

std::size_t forget_journals(const fs::path& folder) {
  if (!fs::exists(folder / journal_folder)) return 0;
  const Lock lock(folder);
  const auto all = journals(folder);
  for (const fs::path& journal : all) {
    if (is_committed(journal) && !is_done(journal)) {
      throw Error({.what = "an apply was interrupted; its journal is still needed", .where = {.file = journal.string()}, .next = "run apply, which finishes it, then apply --forget"});
    }
  }
  fs::remove_all(folder / journal_folder);
  return all.size();
}

}  // namespace lathe
