// SPDX-License-Identifier: MIT
// A new file that is made of runs of an old one and of bytes written anew: beside its target, never over it.
// Large runs go from file to file inside the kernel; no more than a few kilobytes are held in memory. Knows
// nothing of what the files hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "os/descriptor.h"
#include "os/unfinished.h"

struct stat;

namespace lathe {

struct CopyRun {
  std::uint64_t from = 0, to = 0, size = 0;  // offsets in the old and in the new file
};

struct BytePatch {
  std::uint64_t at = 0;  // offset in the new file
  std::string bytes;
};

// Bytes that would be too many to hold: made when they are written.
struct LateBytes {
  std::uint64_t at = 0, size = 0;     // in the new file
  std::function<std::string()> make;  // Error when there are none; called from any thread
};

struct FileLayout {
  std::uint64_t old_size = 0, new_size = 0;
  std::vector<CopyRun> copies;       // ascending; what lies between is zero
  std::vector<BytePatch> patches;    // applied after the copies
  std::vector<LateBytes> late = {};  // the same; they may make no more than `size` bytes
};

// A file opened for reading, and what it looked like then.
class SourceFile {
 public:
  explicit SourceFile(const std::filesystem::path& path);  // Error when it is not a regular file
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;

  int descriptor() const { return descriptor_.get(); }
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return look_.size; }
  // Error when the file was written, replaced or removed since it was opened. `done` to it meanwhile:
  // "carved".
  void expect_unchanged(std::string_view done) const;

 private:
  struct Look {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t seconds = 0, nanoseconds = 0;
    bool operator==(const Look&) const = default;
  };
  static Look look_at(const struct ::stat& status);

  std::filesystem::path path_;
  Descriptor descriptor_;
  Look look_;
};

// A new file beside its place (".NAME.XXXXXX.new"), which is removed unless it is put in place.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& place);

  const std::string& path() const { return file_.path(); }  // where it lies now

  void write(const SourceFile& source, const FileLayout& layout);
  void copy(const SourceFile& source, const CopyRun& run);
  void patch(std::uint64_t at, std::string_view bytes);

  enum class Keep { mode, everything };  // permissions only; or owner, times and extended attributes too
  void take_attributes(const SourceFile& source, Keep keep);

  // The disk begins to take what was written so far; nobody waits for it. To be synced later.
  void begin_sync();

  // Renames it to its place. `synced`: it is on the disk before that.
  void put_in_place(bool synced, Unfinished::Over over = Unfinished::Over::nothing);

 private:
  std::filesystem::path place_;
  Unfinished file_;
};

// A copy with the same permissions and holes, whole or not at all. Error when something is there already.
void copy_whole(const std::filesystem::path& from, const std::filesystem::path& to);

// The same in memory, for small inputs (tests).
std::string rewrite_in_memory(ByteSpan old, const FileLayout& layout);

}  // namespace lathe
