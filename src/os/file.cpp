// SPDX-License-Identifier: MIT
#include "os/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "os/name.h"
#include "os/narrate.h"
#include "os/output.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Removes a file unless it was renamed to where it belongs.
class UnfinishedName {
 public:
  explicit UnfinishedName(std::string name) : name_(std::move(name)) {}
  UnfinishedName(const UnfinishedName&) = delete;
  UnfinishedName& operator=(const UnfinishedName&) = delete;
  ~UnfinishedName() {
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

// An empty file beside `path` under a name that nobody else has: ".NAME.PID-COUNT.new".
std::pair<Descriptor, std::string> create_beside(const std::filesystem::path& path,
                                                 const std::filesystem::path& folder) {
  static std::atomic<unsigned> count = 0;
  while (true) {
    const std::string ending = fmt::format(".{}-{}.new", ::getpid(), ++count);
    const std::string name = (folder / hidden_name(path.filename().string(), ending)).string();
    Descriptor file(::open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
    if (file) return {std::move(file), name};
    if (errno != EEXIST) throw system_error("create a file here", folder.string(), errno);
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor) ::fsync(descriptor.get());
}

}  // namespace

void write_all(int descriptor, const std::string& name, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(descriptor, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("write", name, errno);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
}

Error no_regular_file(const std::filesystem::path& path, unsigned mode) {
  return Error({.what = S_ISDIR(mode) ? "this is a folder, not a file" : "not a regular file",
                .where = {.file = path.string()}});
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", 0, limit);
  // O_NONBLOCK: a FIFO without a writer must not hang the call; it has no effect on regular files.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw system_error("open", path.string(), errno);
  return read_open_file(std::move(file), path, limit);
}

std::string read_open_file(Descriptor file, const std::filesystem::path& path, std::uint64_t limit) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("read", path.string(), errno);
  if (!S_ISREG(status.st_mode)) throw no_regular_file(path, status.st_mode);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit) {
    throw Error({.what = fmt::format("{} bytes; at most {} are read of such a file", size, limit),
                 .where = {.file = path.string()}});
  }
  narrate([&] { return fmt::format("read {}, {}", path.string(), size_text(size)); });
  return read_all(file.get(), path.string(), size, limit);
}

void read_stream(const std::string& path, const std::function<void(std::string_view)>& sink) {
  const bool standard = path == "-";
  const Descriptor file(standard ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!standard && !file) throw system_error("open", path, errno);
  const int number = standard ? STDIN_FILENO : file.get();
  std::vector<char> piece(std::size_t{1} << 17);  // stays in the second-level cache
  while (true) {
    const ssize_t count = ::read(number, piece.data(), piece.size());
    if (count == 0) return;
    if (count > 0) {
      sink({piece.data(), static_cast<std::size_t>(count)});
    } else if (errno != EINTR) {
      throw system_error("read", path, errno);
    }
  }
}

namespace {

// A new file that has no name until it is whole: one change of the folder instead of three, which is most of
// what ten thousand small files cost. False: there is a file of that name already, or this file system
// cannot do it.
bool write_new_file(const std::filesystem::path& path, const std::filesystem::path& folder,
                    std::string_view content, Durability durability) {
  const Descriptor file(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  if (!file) return false;
  write_all(file.get(), path.string(), content);
  if (durability == Durability::synced && ::fsync(file.get()) != 0)
    throw system_error("write", path.string(), errno);
  const std::string unnamed = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) return false;
  if (durability == Durability::synced) sync_folder(folder);
  return true;
}

}  // namespace

namespace {

bool lies_in_proc(const fs::path& path) {
  struct statfs system {};
  return ::statfs(containing_folder(path).c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

// Where a chain of symbolic links leads to, be something there or not. nullopt: to a link of /proc, which
// stands for a file that a program has open (/dev/stdout) and has no name that something could be renamed
// to.
std::optional<fs::path> follow_links(fs::path path) {
  constexpr int most_links = 40;  // the kernel's own limit
  const fs::path start = path;
  for (int i = 0; i < most_links; ++i) {
    std::error_code no_link;
    const fs::path target = fs::read_symlink(path, no_link);
    if (no_link) return path;
    if (lies_in_proc(path)) return std::nullopt;
    path = containing_folder(path) / target;
  }
  throw system_error("follow the symbolic links that begin here", start.string(), ELOOP);
}

[[noreturn]] void refuse_output(const fs::path& path, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = path.string()},
               .next = "nothing was written there: name another file"});
}

void refuse_what_takes_no_bytes(const fs::path& path, mode_t mode) {
  if (S_ISDIR(mode)) refuse_output(path, "this is a folder, not a file");
  if (S_ISSOCK(mode)) refuse_output(path, "this is a socket, not a file");
  if (S_ISBLK(mode)) refuse_output(path, "this is a disk, not a file");
}

// A device, a FIFO, what a program has open: the bytes go into it. O_NONBLOCK: a FIFO that nobody reads must
// not hang the call.
void write_into(const fs::path& path, mode_t mode, std::string_view content) {
  refuse_what_takes_no_bytes(path, mode);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file && S_ISFIFO(mode) && errno == ENXIO) refuse_output(path, "no program reads from this FIFO");
  if (!file) throw system_error("open for writing", path.string(), errno);
  ::fcntl(file.get(), F_SETFL, O_APPEND);
  write_all(file.get(), path.string(), content);
}

// Permissions always; the owner where this user may give files away.
void take_attributes(int file, const struct stat& old) {
  if (::fchown(file, old.st_uid, old.st_gid) != 0) (void)::fchown(file, static_cast<uid_t>(-1), old.st_gid);
  ::fchmod(file, old.st_mode & 07777);
}

void replace_file(const fs::path& path, std::string_view content, Durability durability) {
  const fs::path folder = containing_folder(path);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 && write_new_file(path, folder, content, durability)) return;
  const auto [file, name] = create_beside(path, folder);
  UnfinishedName unfinished(name);
  if (::stat(path.c_str(), &status) == 0) take_attributes(file.get(), status);
  write_all(file.get(), path.string(), content);
  if (durability == Durability::synced && ::fsync(file.get()) != 0)
    throw system_error("write", path.string(), errno);
  if (::rename(name.c_str(), path.c_str()) != 0)
    throw system_error("put the new file here", path.string(), errno);
  unfinished.keep();
  if (durability == Durability::synced) sync_folder(folder);
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view content, Durability durability) {
  struct stat status {};
  const bool there = ::stat(path.c_str(), &status) == 0;
  const std::optional<fs::path> place = follow_links(path);
  if (!place || (there && !S_ISREG(status.st_mode))) return write_into(path, status.st_mode, content);
  replace_file(*place, content, durability);
}

void check_output(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return refuse_what_takes_no_bytes(path, status.st_mode);
  const fs::path folder = containing_folder(follow_links(path).value_or(path));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw system_error("create a file here", folder.string(), errno);
}

Error file_error(const fs::filesystem_error& error) {
  constexpr std::string_view start = "filesystem error: ", negation = "cannot ";
  std::string_view action = error.what();
  action = action.substr(0, action.find(": " + error.code().message()));
  if (action.starts_with(start)) action.remove_prefix(start.size());
  if (const auto at = action.rfind(negation); at != std::string_view::npos)
    action.remove_prefix(at + negation.size());
  if (action.ends_with("status")) action = "look at";
  return system_error(std::string(action), error.path1().string(), error.code().value());
}

void create_folders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw system_error("create the folder", path.string(), error.value());
}

}  // namespace lathe
