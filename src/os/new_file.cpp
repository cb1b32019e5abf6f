// SPDX-License-Identifier: MIT
#include "os/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/parallel.h"

namespace lathe {
namespace {

// Below this a read and a write cost less than the setting up of a copy inside the kernel.
constexpr std::uint64_t small_run = 16 << 10;
constexpr std::size_t block = 4 << 10;  // what a file system has or has not

void read_exactly(int from, std::uint64_t offset, char* out, std::uint64_t size, const std::string& name) {
  while (size != 0) {
    const ssize_t got = ::pread(from, out, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", name, errno);
    if (got == 0) throw Error({.what = "the file became shorter while it was read", .where = {.file = name}});
    out += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
}

void write_all(int to, std::uint64_t offset, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(to, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("write", name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
}

// Reading a hole of a mapped file fills it there: its holes are told by their zeros.
bool fills_holes(int file) {
  struct statfs system {};
  return ::fstatfs(file, &system) == 0 && system.f_type == TMPFS_MAGIC;
}

class Copier {
 public:
  Copier(int from, const std::string& from_name, int to, const std::string& to_name)
      : from_(from),
        to_(to),
        from_name_(from_name),
        to_name_(to_name),
        buffer_(std::size_t{256} << 10, '\0'),
        zeros_are_holes_(fills_holes(from)),
        in_kernel_(!zeros_are_holes_) {}

  // Holes stay holes: what is written is new, and reads as zeros where nothing is put. A file system that
  // cannot tell where they are has none.
  void copy(CopyRun run) {
    while (run.size > small_run) {
      const off_t data = ::lseek(from_, static_cast<off_t>(run.from), SEEK_DATA);
      if (data < 0 && errno == ENXIO) return;  // a hole up to the end
      if (data < 0) break;
      const std::uint64_t hole = std::min(static_cast<std::uint64_t>(data) - run.from, run.size);
      run = {.from = run.from + hole, .to = run.to + hole, .size = run.size - hole};
      if (run.size == 0) return;
      const off_t end = ::lseek(from_, static_cast<off_t>(run.from), SEEK_HOLE);
      if (end <= data) break;
      const std::uint64_t part = std::min(static_cast<std::uint64_t>(end) - run.from, run.size);
      copy_data({.from = run.from, .to = run.to, .size = part});
      run = {.from = run.from + part, .to = run.to + part, .size = run.size - part};
    }
    copy_data(run);
  }

 private:
  void copy_data(CopyRun run) {
    if (in_kernel_ && run.size > small_run) run = copy_in_kernel(run);
    while (run.size != 0) {
      const std::uint64_t part = std::min<std::uint64_t>(run.size, buffer_.size());
      read_exactly(from_, run.from, buffer_.data(), part, from_name_);
      write_data(run.to, std::string_view(buffer_).substr(0, part));
      run = {.from = run.from + part, .to = run.to + part, .size = run.size - part};
    }
  }

  void write_data(std::uint64_t to, std::string_view bytes) {
    if (!zeros_are_holes_) return write_all(to_, to, bytes, to_name_);
    while (!bytes.empty()) {
      std::size_t size = 0;  // of the blocks from here on that hold something
      while (size < bytes.size() &&
             bytes.substr(size, block).find_first_not_of('\0') != std::string_view::npos)
        size += block;
      size = std::min(size, bytes.size());
      write_all(to_, to, bytes.substr(0, size), to_name_);
      const std::size_t past = std::min(size + block, bytes.size());
      bytes.remove_prefix(past);
      to += past;
    }
  }

  // What is left to copy by hand: nothing, or (between file systems that cannot do it) the rest.
  CopyRun copy_in_kernel(CopyRun run) {
    while (run.size != 0) {
      auto from = static_cast<off64_t>(run.from), to = static_cast<off64_t>(run.to);
      const ssize_t done = ::copy_file_range(from_, &from, to_, &to, run.size, 0);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) {
        in_kernel_ = false;
        return run;
      }
      const auto count = static_cast<std::uint64_t>(done);
      run = {.from = run.from + count, .to = run.to + count, .size = run.size - count};
    }
    return run;
  }

  int from_, to_;
  const std::string& from_name_;
  const std::string& to_name_;
  std::string buffer_;
  bool zeros_are_holes_, in_kernel_;
};

// Best effort: a file system may refuse some (security labels of another host).
void copy_extended_attributes(int from, int to) {
  const ssize_t size = ::flistxattr(from, nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::flistxattr(from, names.data(), names.size());
  if (got < 0) return;
  names.resize(static_cast<std::size_t>(got));
  for (const char* name = names.data(); name < names.data() + names.size(); name += std::strlen(name) + 1) {
    std::string value(std::size_t{64} << 10, '\0');
    const ssize_t length = ::fgetxattr(from, name, value.data(), value.size());
    if (length >= 0) (void)::fsetxattr(to, name, value.data(), static_cast<std::size_t>(length), 0);
  }
}

}  // namespace

namespace {

std::string made(const LateBytes& late) {
  std::string bytes = late.make();
  if (bytes.size() > late.size) throw Error({.what = "more bytes were made than were announced"});
  return bytes;
}

}  // namespace

SourceFile::Look SourceFile::look_at(const struct ::stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .seconds = status.st_mtim.tv_sec,
          .nanoseconds = status.st_mtim.tv_nsec};
}

SourceFile::SourceFile(const std::filesystem::path& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (!descriptor_) throw system_error("open", path.string(), errno);
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) throw system_error("read", path.string(), errno);
  if (!S_ISREG(status.st_mode)) throw Error({.what = "not a regular file", .where = {.file = path.string()}});
  look_ = look_at(status);
}

void SourceFile::expect_unchanged(std::string_view done) const {
  struct stat opened {
  }, named{};
  const bool same = ::fstat(descriptor_.get(), &opened) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                    look_at(opened) == look_ && look_at(named) == look_;
  if (same) return;
  throw Error({.what = fmt::format("the file changed while it was {}", done),
               .where = {.file = path_.string()},
               .next = "run the same command again when nothing else writes it",
               .kind = ErrorKind::fault});
}

NewFile::NewFile(const std::filesystem::path& place) : place_(place), file_(place, Unfinished::Kind::file) {}

void NewFile::write(const SourceFile& source, const FileLayout& layout) {
  if (::ftruncate(file_.descriptor(), static_cast<off_t>(layout.new_size)) != 0)
    throw system_error("write", place_.string(), errno);
  const std::string from = source.path().string();
  const std::string to = place_.string();
  Copier copier(source.descriptor(), from, file_.descriptor(), to);
  for (const CopyRun& run : layout.copies) copier.copy(run);
  for (const BytePatch& bytes : layout.patches) patch(bytes.at, bytes.bytes);
  parallel_for_all(layout.late.size(), [&](std::size_t i) {
    const LateBytes& bytes = layout.late[i];
    patch(bytes.at, made(bytes));
  });
}

void NewFile::copy(const SourceFile& source, const CopyRun& run) {
  const std::string from = source.path().string();
  const std::string to = place_.string();
  Copier(source.descriptor(), from, file_.descriptor(), to).copy(run);
}

void NewFile::patch(std::uint64_t at, std::string_view bytes) {
  write_all(file_.descriptor(), at, bytes, place_.string());
}

void NewFile::take_attributes(const SourceFile& source, Keep keep) {
  struct stat status {};
  if (::fstat(source.descriptor(), &status) != 0) throw system_error("read", source.path().string(), errno);
  const std::string name = place_.string();
  if (keep == Keep::everything) {
    if (::fchown(file_.descriptor(), status.st_uid, status.st_gid) != 0 &&
        (status.st_uid != ::geteuid() || status.st_gid != ::getegid())) {
      throw system_error("keep the owner of", name, errno);
    }
    copy_extended_attributes(source.descriptor(), file_.descriptor());
  }
  if (::fchmod(file_.descriptor(), status.st_mode & 07777) != 0)
    throw system_error("set the permissions of", name, errno);
  if (keep == Keep::everything) {
    const std::array<struct timespec, 2> times{status.st_atim, status.st_mtim};
    if (::futimens(file_.descriptor(), times.data()) != 0)
      throw system_error("set the times of", name, errno);
  }
}

void NewFile::begin_sync() { ::sync_file_range(file_.descriptor(), 0, 0, SYNC_FILE_RANGE_WRITE); }

void NewFile::put_in_place(bool synced, Unfinished::Over over) {
  if (synced && ::fsync(file_.descriptor()) != 0) throw system_error("write", place_.string(), errno);
  file_.put_in_place(over);
}

void copy_whole(const std::filesystem::path& from, const std::filesystem::path& to) {
  const SourceFile source(from);
  NewFile file(to);
  file.write(source, {.old_size = source.size(),
                      .new_size = source.size(),
                      .copies = {{.from = 0, .to = 0, .size = source.size()}},
                      .patches = {}});
  file.take_attributes(source, NewFile::Keep::mode);
  source.expect_unchanged("copied");
  file.put_in_place(false);
}

std::string rewrite_in_memory(ByteSpan old, const FileLayout& layout) {
  std::string bytes(layout.new_size, '\0');
  const ByteReader reader(old, "old file");
  const auto put = [&](std::uint64_t at, std::string_view text) {
    if (at > bytes.size() || text.size() > bytes.size() - at)
      throw Error({.what = "a layout leaves its file"});
    std::memcpy(bytes.data() + at, text.data(), text.size());
  };
  for (const CopyRun& run : layout.copies) put(run.to, as_text(reader.at(run.from, run.size)));
  for (const BytePatch& patch : layout.patches) put(patch.at, patch.bytes);
  for (const LateBytes& late : layout.late) put(late.at, made(late));
  return bytes;
}

}  // namespace lathe
