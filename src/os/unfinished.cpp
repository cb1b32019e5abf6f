// SPDX-License-Identifier: MIT
#include "os/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "os/name.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t random_letters = 6;
constexpr std::string_view ending = ".new";

// ".NAME.XXXXXX.new"
std::string temporary_name(const std::string& place) {
  return hidden_name(place, "." + std::string(random_letters, 'X') + std::string(ending));
}

bool is_leftover_of(const std::string& place, const std::string& name) {
  const std::string pattern = temporary_name(place);
  if (name.size() != pattern.size()) return false;
  const std::string start = pattern.substr(0, pattern.size() - random_letters - ending.size());
  const std::string_view letters = std::string_view(name).substr(start.size(), random_letters);
  return name.starts_with(start) && name.ends_with(ending) &&
         std::ranges::all_of(letters, [](unsigned char letter) {
           return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                  (letter >= '0' && letter <= '9');
         });
}

void remove_if_abandoned(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return;
  std::error_code ignored;
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
}

// An old kernel or a file system may know no such rename. A second name for a file does the same; that a
// folder is there is seen before, and what is in it is never renamed over.
bool rename_to_free_name(const std::string& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  struct stat status {};
  if (::lstat(from.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    return ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;
  }
  errno = EEXIST;
  return ::lstat(to.c_str(), &status) != 0 && ::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

Error lost(const fs::path& place) {
  return Error({.what = "what was being written for it was removed by another program",
                .where = {.file = place.string()},
                .next = "run the same command again when nothing else removes files there",
                .kind = ErrorKind::fault});
}

fs::path containing_folder(const fs::path& place) {
  return place.has_parent_path() ? place.parent_path() : fs::path(".");
}

Unfinished::Unfinished(const fs::path& place, Kind kind) : place_(place) {
  // Between its making and its lock another program may take it for a leftover: then once more.
  constexpr int most_attempts = 100;
  for (int i = 0; i < most_attempts; ++i) {
    if (create(kind)) return;
    if (!descriptor_ && errno != EEXIST && errno != ENOENT) break;
    descriptor_.close();
  }
  throw system_error(kind == Kind::file ? "create a file here" : "create a folder here",
                     containing_folder(place).string(), errno);
}

bool Unfinished::create(Kind kind) {
  path_ = (containing_folder(place_) / temporary_name(place_.filename().string())).string();
  if (kind == Kind::file) {
    descriptor_ = Descriptor(::mkostemps(path_.data(), ending.size(), O_CLOEXEC));
  } else {
    // There is no mkdtemps: a file shows which name is free, and gives it to the folder.
    const Descriptor file(::mkostemps(path_.data(), ending.size(), O_CLOEXEC));
    descriptor_.close();
    if (!file) return false;
    ::unlink(path_.c_str());
    if (::mkdir(path_.c_str(), 0700) != 0) return false;
    descriptor_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!descriptor_) return false;
  (void)::flock(descriptor_.get(), LOCK_EX);  // where there are no locks nothing is ever taken for a leftover
  struct stat mine {
  }, named{};
  return ::fstat(descriptor_.get(), &mine) == 0 && ::stat(path_.c_str(), &named) == 0 &&
         mine.st_ino == named.st_ino;
}

Unfinished::~Unfinished() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

bool Unfinished::is_still_there() const {
  struct stat mine {
  }, named{};
  return ::fstat(descriptor_.get(), &mine) == 0 && ::lstat(path_.c_str(), &named) == 0 &&
         mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

void Unfinished::put_in_place(Over over) {
  if (!is_still_there()) throw lost(place_);
  const bool done = over == Over::what_is_there ? ::rename(path_.c_str(), place_.c_str()) == 0
                                                : rename_to_free_name(path_, place_);
  if (done) {
    path_.clear();
    return;
  }
  if (over == Over::nothing && (errno == EEXIST || errno == ENOTEMPTY)) {
    throw Error({.what = "another program has put something here meanwhile, which was left as it is",
                 .where = {.file = place_.string()},
                 .next = "remove it, or choose another name",
                 .kind = ErrorKind::fault});
  }
  throw system_error("put the new one here", place_.string(), errno);
}

void link_over(const fs::path& existing, const fs::path& place) {
  std::error_code unknown;
  if (fs::equivalent(existing, place, unknown)) return;
  const Unfinished name(place, Unfinished::Kind::folder);  // nobody else has it
  const fs::path link = fs::path(name.path()) / "link";
  if (::link(existing.c_str(), link.c_str()) != 0)
    throw system_error("give a second name to", existing.string(), errno);
  if (::rename(link.c_str(), place.c_str()) != 0)
    throw system_error("put the new one here", place.string(), errno);
}

void remove_leftovers(const fs::path& place) {
  const std::string name = place.filename().string();
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(containing_folder(place), error), end; !error && it != end;
       it.increment(error)) {
    if (is_leftover_of(name, it->path().filename().string())) found.push_back(it->path());
  }
  for (const fs::path& path : found) remove_if_abandoned(path);
}

}  // namespace lathe
