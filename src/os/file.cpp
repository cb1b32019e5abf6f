// SPDX-License-Identifier: MIT
#include "os/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace lathe {
namespace {

// A file descriptor that is closed when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// Removes a file unless it was renamed to where it belongs.
class Unfinished {
 public:
  explicit Unfinished(std::string name) : name_(std::move(name)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  void keep() { name_.clear(); }

 private:
  std::string name_;
};

std::string read_all(int descriptor, const std::string& name, std::uint64_t expected, std::uint64_t limit) {
  std::string content;
  content.resize(static_cast<std::size_t>(expected) + 1);  // one more, to see the end without a second round
  std::size_t used = 0;
  while (true) {
    if (used > limit) {
      throw Error({.what = fmt::format("larger than the {} bytes that are read of such a file", limit),
                   .where = {.file = name}});
    }
    if (used == content.size()) content.resize(used * 2 + 4096);
    const ssize_t got = ::read(descriptor, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", name, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  content.resize(used);
  return content;
}

void write_all(int descriptor, const std::string& name, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(descriptor, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("write", name, errno);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
}

// An empty file beside `path` under a name that nobody else has: ".NAME.PID-COUNT.new".
std::pair<int, std::string> create_beside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  static std::atomic<unsigned> count = 0;
  while (true) {
    const std::string name = (folder / fmt::format(".{}.{}-{}.new", path.filename().string(), ::getpid(), ++count)).string();
    const int file = ::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file >= 0) return {file, name};
    if (errno != EEXIST) throw system_error("create a file here", folder.string(), errno);
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() >= 0) ::fsync(descriptor.get());
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", 0, limit);
  // O_NONBLOCK: a FIFO without a writer must not hang the call; it has no effect on regular files.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) throw system_error("open", path.string(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("read", path.string(), errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error({.what = S_ISDIR(status.st_mode) ? "this is a folder, a file is wanted" : "not a regular file",
                 .where = {.file = path.string()}});
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit) {
    throw Error({.what = fmt::format("{} bytes; at most {} are read of such a file", size, limit),
                 .where = {.file = path.string()}});
  }
  return read_all(file.get(), path.string(), size, limit);
}

namespace {

// A new file that has no name until it is whole: one change of the folder instead of three, which is most of what ten
// thousand small files cost. False: there is a file of that name already, or this file system cannot do it.
bool write_new_file(const std::filesystem::path& path, const std::filesystem::path& folder, std::string_view content,
                    Durability durability) {
  const Descriptor file(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  if (file.get() < 0) return false;
  write_all(file.get(), path.string(), content);
  if (durability == Durability::synced && ::fsync(file.get()) != 0) throw system_error("write", path.string(), errno);
  const std::string unnamed = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) return false;
  if (durability == Durability::synced) sync_folder(folder);
  return true;
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view content, Durability durability) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 && write_new_file(path, folder, content, durability)) return;
  const auto [descriptor, name] = create_beside(path, folder);
  const Descriptor file(descriptor);
  Unfinished unfinished(name);
  if (::stat(path.c_str(), &status) == 0) ::fchmod(file.get(), status.st_mode & 07777);
  write_all(file.get(), path.string(), content);
  if (durability == Durability::synced && ::fsync(file.get()) != 0) throw system_error("write", path.string(), errno);
  if (::rename(name.c_str(), path.c_str()) != 0) throw system_error("replace", path.string(), errno);
  unfinished.keep();
  if (durability == Durability::synced) sync_folder(folder);
}

void create_folders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw system_error("create the folder", path.string(), error.value());
}

}  // namespace lathe
