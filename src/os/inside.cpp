// SPDX-License-Identifier: MIT
#include "os/inside.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "os/file.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr int open_folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

[[noreturn]] void refuse(const fs::path& path, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = path.string()},
               .next = "nothing is read or written through it"});
}

void write_and_sync(int file, const fs::path& path, std::string_view content) {
  write_all(file, path.string(), content);
  if (::fsync(file) != 0) throw system_error("write", path.string(), errno);
}

}  // namespace

Inside::Inside(const fs::path& folder)
    : path_(folder), descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!descriptor_) throw system_error("open the folder", folder.string(), errno);
}

// One part of a name: a folder that is there, or is made.
Inside Inside::step(const std::string& part, Missing missing) const {
  const fs::path place = path_ / part;
  if (part == ".." || part == "." || part.empty()) refuse(place, "this name leads out of its folder");
  Descriptor folder(::openat(descriptor_.get(), part.c_str(), open_folder_flags));
  if (!folder && errno == ENOENT && missing == Missing::is_told) return {place, Descriptor()};
  if (!folder && errno == ENOENT && missing == Missing::is_made) {
    if (::mkdirat(descriptor_.get(), part.c_str(), 0777) != 0 && errno != EEXIST) {
      throw system_error("create the folder", place.string(), errno);
    }
    folder = Descriptor(::openat(descriptor_.get(), part.c_str(), open_folder_flags));
  }
  if (!folder && (errno == ELOOP || errno == ENOTDIR))
    refuse(place, "this is a symbolic link or a file, not a folder");
  if (!folder) throw system_error("open the folder", place.string(), errno);
  return {place, std::move(folder)};
}

Inside Inside::parent_of(const std::string& name, Missing missing) const {
  if (name.find('\0') != std::string::npos) refuse(path_, "a name with a NUL byte");
  Inside at(path_, Descriptor(::fcntl(descriptor_.get(), F_DUPFD_CLOEXEC, 0)));
  if (!at.descriptor_) throw system_error("open the folder", path_.string(), errno);
  for (std::size_t from = 0, slash = name.find('/'); slash != std::string::npos;
       from = slash + 1, slash = name.find('/', from)) {
    Inside next = at.step(name.substr(from, slash - from), missing);
    std::swap(at.path_, next.path_);
    std::swap(at.descriptor_, next.descriptor_);
    if (!at.descriptor_) break;
  }
  return at;
}

std::string Inside::last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

Inside Inside::open_folder(const std::string& name) const {
  return parent_of(name, Missing::fails).step(last_part(name), Missing::fails);
}

Inside Inside::make_folder(const std::string& name) const {
  const Inside parent = parent_of(name, Missing::fails);
  const std::string last = last_part(name);
  if (::mkdirat(parent.descriptor_.get(), last.c_str(), 0777) != 0)
    throw system_error("create the folder", path(name).string(), errno);
  return parent.step(last, Missing::fails);
}

bool Inside::look(const std::string& name, struct ::stat& status) const {
  const Inside parent = parent_of(name, Missing::is_told);
  if (!parent.descriptor_) return false;
  if (::fstatat(parent.descriptor_.get(), last_part(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  if (errno != ENOENT) throw system_error("look at", path(name).string(), errno);
  return false;
}

Inside::Kind Inside::kind(const std::string& name) const {
  struct ::stat status {};
  if (!look(name, status)) return Kind::none;
  if (S_ISREG(status.st_mode)) return Kind::file;
  if (S_ISDIR(status.st_mode)) return Kind::folder;
  return S_ISLNK(status.st_mode) ? Kind::link : Kind::other;
}

bool Inside::same(const std::string& name, const Inside& other, const std::string& other_name) const {
  struct ::stat one {
  }, two{};
  return look(name, one) && other.look(other_name, two) && one.st_dev == two.st_dev &&
         one.st_ino == two.st_ino;
}

std::string Inside::read(const std::string& name, std::uint64_t limit) const {
  const Inside parent = parent_of(name, Missing::fails);
  Descriptor file(::openat(parent.descriptor_.get(), last_part(name).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ELOOP) refuse(path(name), "this is a symbolic link, not a file");
  if (!file) throw system_error("open", path(name).string(), errno);
  return read_open_file(std::move(file), path(name), limit);
}

void Inside::write_new(const std::string& name, std::string_view content) const {
  const Inside parent = parent_of(name, Missing::is_made);
  const Descriptor file(::openat(parent.descriptor_.get(), last_part(name).c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) throw system_error("create", path(name).string(), errno);
  try {
    write_and_sync(file.get(), path(name), content);
  } catch (...) {
    ::unlinkat(parent.descriptor_.get(), last_part(name).c_str(), 0);
    throw;
  }
  parent.sync();
}

Descriptor Inside::open_or_make(const std::string& name) const {
  const Inside parent = parent_of(name, Missing::fails);
  Descriptor file(::openat(parent.descriptor_.get(), last_part(name).c_str(),
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file && errno == ELOOP) refuse(path(name), "this is a symbolic link, not a file");
  if (!file) throw system_error("open", path(name).string(), errno);
  struct ::stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) return file;
  refuse(path(name), "not a regular file");
}

void Inside::rename(const std::string& name, const Inside& to, const std::string& new_name) const {
  const Inside from_parent = parent_of(name, Missing::fails),
               to_parent = to.parent_of(new_name, Missing::is_made);
  if (::renameat(from_parent.descriptor_.get(), last_part(name).c_str(), to_parent.descriptor_.get(),
                 last_part(new_name).c_str()) != 0) {
    throw system_error(fmt::format("move this to {}", to.path(new_name).string()), path(name).string(),
                       errno);
  }
}

bool Inside::link(const std::string& name, const Inside& to, const std::string& new_name) const {
  const Inside from_parent = parent_of(name, Missing::fails),
               to_parent = to.parent_of(new_name, Missing::is_made);
  if (::linkat(from_parent.descriptor_.get(), last_part(name).c_str(), to_parent.descriptor_.get(),
               last_part(new_name).c_str(), 0) == 0)
    return true;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == EXDEV || errno == ENOSYS)
    return false;
  throw system_error(fmt::format("keep it as {}", to.path(new_name).string()), path(name).string(), errno);
}

void Inside::remove_empty_folder(const std::string& name) const {
  const Inside parent = parent_of(name, Missing::is_told);
  if (parent.descriptor_) (void)::unlinkat(parent.descriptor_.get(), last_part(name).c_str(), AT_REMOVEDIR);
}

// some file systems cannot sync a folder; there is nothing better to do
void Inside::sync() const { ::fsync(descriptor_.get()); }

}  // namespace lathe
