// SPDX-License-Identifier: MIT
// A file's bytes as memory, read-only and shared: pages that are not touched cost nothing, pages that are
// can be dropped by the system. Where another program shortens the file meanwhile, or the disk cannot read
// it, zeros appear instead of a SIGBUS (mapping_guard.h), and expect_whole() says so afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/bytes.h"
#include "os/descriptor.h"

namespace lathe {

class MappedFile {
 public:
  // An Error when it can't be opened or is not a regular file. An empty file has empty bytes.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  ByteSpan bytes() const { return {static_cast<const std::byte*>(start_), size_}; }

  // Error when bytes() turned out not to be all there. Asked by those who judge what they read, at their end.
  void expect_whole() const;

  // Copies the bytes from `offset` on by a system call, without mapping their pages: for a few bytes here
  // and there in a large file that is three times faster than touching bytes(), and takes no memory. Error
  // past the end.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  MappedFile(Descriptor file, void* start, std::size_t size, std::string name);

  Descriptor file_;
  void* start_ = nullptr;
  std::size_t size_ = 0;
  std::size_t guard_ = 0;
  std::string name_;
};

}  // namespace lathe
