// SPDX-License-Identifier: MIT
// The journal is a line of text, then for each change its kind, its path and its record, each path and record
// with a NUL behind it: the one byte that no path has.
#include "package/place_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "os/file.h"
#include "os/new_file.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view heading = "torchlathe changes files here; run it again to finish\n";

bool stays_inside(std::string_view path) {
  const fs::path parts(path);
  return !path.empty() && !parts.is_absolute() &&
         std::ranges::none_of(parts, [](const fs::path& part) { return part == ".." || part == "."; });
}

// The text up to the next NUL, which is taken off; false: there is none.
bool take_field(std::string_view& text, std::string& field) {
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return false;
  field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

Error busy(const fs::path& folder) {
  return Error({.what = "another torchlathe changes files here",
                .where = {.file = folder.string()},
                .next = "wait until it has ended, then run this again",
                .kind = ErrorKind::fault});
}

bool is_held_by_another(int error) { return error == EWOULDBLOCK; }

}  // namespace

std::vector<PlaceChange> parse_place_journal(std::string_view text) {
  std::vector<PlaceChange> changes;
  if (!text.starts_with(heading)) return changes;
  text.remove_prefix(heading.size());
  while (!text.empty()) {
    const char kind = text.front();
    text.remove_prefix(1);
    PlaceChange change;
    if (!take_field(text, change.path) || !take_field(text, change.record)) break;
    if (kind != 'c' && kind != 'a') break;
    change.kind = PlaceChange::Kind{kind};
    if (stays_inside(change.path)) changes.push_back(std::move(change));
  }
  return changes;
}

std::string place_journal_text(const PlaceChange& change) {
  return static_cast<char>(change.kind) + change.path + '\0' + change.record + '\0';
}

void replace_whole(const fs::path& file, std::string_view content) {
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(file, ignored))) return write_file_atomically(file, content);
  remove_leftovers(file);
  const SourceFile old(file);
  NewFile next(file);
  next.patch(0, content);
  next.take_attributes(old, NewFile::Keep::everything);
  ::utimensat(AT_FDCWD, next.path().c_str(), nullptr,
              0);  // it has another content, and may have the same size
  next.put_in_place(true, Unfinished::Over::what_is_there);
}

// Whoever changes a folder has it for himself and shares those above: two runs of which one works inside of
// the other's folder meet there, whichever comes first. Locks are on the folders themselves, so that nothing
// is written where nothing changes, and they go with their process.
PlaceJournal::PlaceJournal(const fs::path& folder) : folder_(fs::canonical(folder)) {
  lock(folder_);
  read_earlier(folder_ / place_journal_name, "");
  remove_half_written();
}

void PlaceJournal::lock(const fs::path& folder) {
  int how = LOCK_EX | LOCK_NB;
  for (fs::path at = folder;; at = at.parent_path()) {
    Descriptor place(::open(at.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (place && ::flock(place.get(), how) != 0 && is_held_by_another(errno)) throw busy(at);
    if (place) locks_.push_back(std::move(place));
    if (!at.has_relative_path()) return;
    how = LOCK_SH | LOCK_NB;
  }
}

void PlaceJournal::read_earlier(const fs::path& journal, const std::string& folder) {
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(journal, ignored))) return;
  for (PlaceChange& change : parse_place_journal(read_file(journal))) {
    change.path = (fs::path(folder) / change.path).generic_string();
    earlier_.push_back(std::move(change));
  }
}

void PlaceJournal::take_over(const std::string& folder) {
  const fs::path journal = folder_ / folder / place_journal_name;
  if (!taken_over_.insert(journal).second) return;
  read_earlier(journal, folder);
  remove_half_written();
}

// ".a.so.XXXXXX.new" beside a.so. Each folder is listed once: it may hold ten thousand files that were to go.
void PlaceJournal::remove_half_written() const {
  if (earlier_.empty()) return;
  constexpr std::string_view ending = ".XXXXXX.new";
  std::map<fs::path, std::set<std::string>> names;
  names[folder_].insert(std::string(place_journal_name));
  for (const PlaceChange& change : earlier_) {
    const fs::path file = folder_ / change.path;
    names[file.parent_path()].insert(file.filename().string());
  }
  for (const auto& [folder, known] : names) {
    std::set<std::string> found;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (name.size() <= ending.size() + 1 || name[0] != '.' || !name.ends_with(".new")) continue;
      const std::string of = name.substr(1, name.size() - 1 - ending.size());
      if (known.contains(of)) found.insert(of);
    }
    for (const std::string& name : found) remove_leftovers(folder / name);
  }
}

void PlaceJournal::open_journal() {
  const fs::path path = folder_ / place_journal_name;
  std::error_code ignored;
  if (fs::is_symlink(fs::symlink_status(path, ignored))) fs::remove(path);
  // What a killed run left is written anew, so that a change that was cut short does not hide what follows.
  std::string text(heading);
  for (const PlaceChange& change : earlier_) text += place_journal_text(change);
  replace_whole(path, text);
  file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!file_) throw system_error("write", path.string(), errno);
}

void PlaceJournal::will_change(const std::vector<PlaceChange>& changes) {
  if (changes.empty()) return;
  std::string text;
  for (const PlaceChange& change : changes) text += place_journal_text(change);
  const std::lock_guard lock(mutex_);
  if (!file_) open_journal();
  const std::string name = (folder_ / place_journal_name).string();
  write_all(file_.get(), name, text);
  if (::fdatasync(file_.get()) != 0) throw system_error("write", name, errno);
}

void PlaceJournal::finish() {
  const std::lock_guard lock(mutex_);
  taken_over_.insert(folder_ / place_journal_name);
  for (const fs::path& journal : taken_over_) {
    // where nothing may be written, removing what is not there fails too
    if (fs::exists(fs::symlink_status(journal))) fs::remove(journal);
  }
  file_.close();
}

}  // namespace lathe
