// SPDX-License-Identifier: MIT
#include "os/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t random_letters = 6;
constexpr std::string_view ending = ".new";

fs::path folder_of(const fs::path& place) { return place.has_parent_path() ? place.parent_path() : fs::path("."); }

bool is_leftover_of(const std::string& place, const std::string& name) {
  const std::string start = "." + place + ".";
  if (name.size() != start.size() + random_letters + ending.size()) return false;
  const std::string_view letters = std::string_view(name).substr(start.size(), random_letters);
  return name.starts_with(start) && name.ends_with(ending) && std::ranges::all_of(letters, [](unsigned char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
  });
}

void remove_if_abandoned(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return;
  std::error_code ignored;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) fs::remove_all(path, ignored);
  ::close(file);
}

}  // namespace

Unfinished::Unfinished(const fs::path& place, Kind kind) : place_(place) {
  const std::string folder = folder_of(place).string();
  // Between its making and its lock another program may take it for a leftover: then once more.
  while (!create(kind)) {
    if (descriptor_ < 0) throw system_error(kind == Kind::file ? "create a file here" : "create a folder here", folder, errno);
    ::close(descriptor_);
  }
}

bool Unfinished::create(Kind kind) {
  path_ = (folder_of(place_) / fmt::format(".{}.XXXXXX{}", place_.filename().string(), ending)).string();
  if (kind == Kind::file) {
    descriptor_ = ::mkostemps(path_.data(), ending.size(), O_CLOEXEC);
  } else {
    // There is no mkdtemps: a file shows which name is free, and gives it to the folder.
    const int file = ::mkostemps(path_.data(), ending.size(), O_CLOEXEC);
    descriptor_ = -1;
    if (file < 0) return false;
    ::close(file);
    ::unlink(path_.c_str());
    if (::mkdir(path_.c_str(), 0700) != 0) return false;
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  if (descriptor_ < 0) return false;
  (void)::flock(descriptor_, LOCK_EX);  // where there are no locks nothing is ever taken for a leftover
  struct stat mine {}, named {};
  return ::fstat(descriptor_, &mine) == 0 && ::stat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino;
}

Unfinished::~Unfinished() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Unfinished::put_in_place() {
  if (::rename(path_.c_str(), place_.c_str()) != 0) throw system_error("replace", place_.string(), errno);
  path_.clear();
}

void remove_leftovers(const fs::path& place) {
  const std::string name = place.filename().string();
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder_of(place), error), end; !error && it != end; it.increment(error)) {
    if (is_leftover_of(name, it->path().filename().string())) found.push_back(it->path());
  }
  for (const fs::path& path : found) remove_if_abandoned(path);
}

}  // namespace lathe
