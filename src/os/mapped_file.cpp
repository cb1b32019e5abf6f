// SPDX-License-Identifier: MIT
#include "os/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/mapping_guard.h"

namespace lathe {

MappedFile MappedFile::open(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw system_error("open", path.string(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error("read", path.string(), errno);
  if (!S_ISREG(status.st_mode)) throw no_regular_file(path, status.st_mode);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* start = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0) : nullptr;
  if (start == MAP_FAILED) throw system_error("map", path.string(), errno);
  return MappedFile(std::move(file), start, size, path.string());
}

MappedFile::MappedFile(Descriptor file, void* start, std::size_t size, std::string name)
    : file_(std::move(file)),
      start_(start),
      size_(size),
      guard_(guard_mapping(start, size)),
      name_(std::move(name)) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : file_(std::move(other.file_)),
      start_(std::exchange(other.start_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      guard_(std::exchange(other.guard_, no_guard)),
      name_(std::move(other.name_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(guard_, other.guard_);
  std::swap(name_, other.name_);
  return *this;
}

MappedFile::~MappedFile() {
  release_guard(guard_);
  if (start_) ::munmap(start_, size_);
}

void MappedFile::expect_whole() const {
  if (!lost_bytes(guard_)) return;
  throw Error({.what = "the file became shorter while it was read, or the disk failed",
               .where = {.file = name_},
               .next = "run the same command again when nothing else writes it",
               .kind = ErrorKind::fault});
}

void MappedFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) throw_truncated(offset, out.size(), size_, "file");
  while (!out.empty()) {
    const ssize_t count = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("read", name_, errno);
    if (count == 0) throw_truncated(offset, out.size(), size_, "file that was shortened while it was read");
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace lathe
