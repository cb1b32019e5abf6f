// SPDX-License-Identifier: MIT
// Something with members: a folder, a wheel, a zip archive. Its members can be listed and each can be opened
// as bytes; writer.h writes it again with some of them changed. Knows nothing of what the members hold. What
// kinds there are, and which one a path is: kinds.h.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "formats/known_formats.h"
#include "formats/streams/unpack.h"
#include "os/mapped_file.h"
#include "os/sparse_memory.h"

struct stat;

namespace lathe {

// Ranges of a file (begin, end), ascending, disjoint.
using ByteRange = std::pair<std::uint64_t, std::uint64_t>;
using ByteRanges = std::vector<ByteRange>;

// Which file of this machine it is: equal for two names of one file. Zeros: of none.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

FileIdentity identity_of(const struct ::stat& status);

// Small, as a folder may have a million of them: what few members have lies elsewhere. Valid as long as its
// package.
class PackageMember {
 public:
  enum class Kind : std::uint8_t {
    file,
    folder,
    link,   // symbolic
    other,  // FIFO, socket, device
  };

  std::uint64_t size = 0;  // of its content, unpacked
  std::uint32_t mode = 0;  // Unix permissions; 0 where not known
  Kind kind = Kind::file;

  std::string path() const;  // inside of the package, as it is spelled there: '/' between its parts
  const std::string& link() const { return rare().link; }  // where a link leads
  // why its content cannot be read: "is encrypted"; "" when it can
  const std::string& unreadable() const { return rare().unreadable; }
  const FileIdentity& file() const { return rare().file; }  // of one with several names, else zeros

 private:
  friend class MemberList;
  struct Rare {
    std::string link = {}, unreadable = {};
    FileIdentity file = {};
  };
  const Rare& rare() const;

  std::uint32_t name_size_ = 0;
  const char* name_ = nullptr;
  const std::string* folder_ = nullptr;  // shared by all that lie in it
  const Rare* rare_ = nullptr;
};

// Keeps the names of members together, each folder's once.
class MemberList {
 public:
  struct New {
    std::string_view path;
    std::uint64_t size = 0;
    std::uint32_t mode = 0;
    PackageMember::Kind kind = PackageMember::Kind::file;
    std::string link = {}, unreadable = {};
    FileIdentity file = {};
  };

  void reserve(std::size_t count) { members_.reserve(count); }
  void add(New member);
  const std::vector<PackageMember>& all() const { return members_; }

 private:
  const std::string* folder(std::string_view path);
  const char* keep(std::string_view name);

  std::vector<PackageMember> members_;
  std::set<std::string, std::less<>> folders_;
  const std::string* last_folder_ = nullptr;
  std::vector<std::unique_ptr<char[]>> names_;
  char* free_ = nullptr;  // in the last of names_
  std::size_t left_ = 0;
  std::deque<PackageMember::Rare> rare_;
};

// A member's bytes: mapped, part of the package's own memory, or unpacked. Valid as long as its package.
class MemberContent {
 public:
  explicit MemberContent(ByteSpan bytes) : borrowed_(bytes) {}
  explicit MemberContent(MappedFile file) : file_(std::move(file)) {}
  MemberContent(SparseMemory memory, ByteRanges absent)
      : memory_(std::move(memory)), absent_(std::move(absent)) {}

  ByteSpan bytes() const {
    if (file_) return file_->bytes();
    return memory_ ? memory_->bytes() : borrowed_;
  }
  const ByteRanges& absent() const { return absent_; }                  // read as zeros: they were left out
  const MappedFile* disk() const { return file_ ? &*file_ : nullptr; }  // the file that the bytes are

 private:
  ByteSpan borrowed_;
  std::optional<MappedFile> file_;
  std::optional<SparseMemory> memory_;
  ByteRanges absent_;
};

// Says, while a member is unpacked, which of its bytes nobody needs: they take no memory.
class LeaveOut {
 public:
  virtual ~LeaveOut() = default;

  virtual std::string_view what() const = 0;  // "device code": what is left out
  // `memory` is as long as the member, `filled` bytes of it have come. Which range of those to come is not
  // wanted? Empty: none so far.
  virtual ByteRange ahead(ByteSpan memory, std::uint64_t filled) = 0;
  // All has come but `absent`, which read as zeros. False: these were wanted after all.
  virtual bool was_right(ByteSpan memory, const ByteRanges& absent) = 0;
};

struct ImageContents;  // package/image_contents.h

struct Reading {
  LeaveOut* leave_out = nullptr;  // of what has to be unpacked; good for one member
  Sha256Stream* hash = nullptr;   // gets all bytes, also those that are left out
};

// Its const functions may be called from several threads at once.
class Package {
 public:
  explicit Package(std::string name) : name_(std::move(name)) {}
  virtual ~Package() = default;
  Package(const Package&) = delete;
  Package& operator=(const Package&) = delete;

  const std::string& name() const { return name_; }    // its path as given, or that inside of another package
  const std::vector<PackageMember>& members() const {  // in the package's own order
    return members_.all();
  }
  const Findings& findings() const { return findings_; }  // damage, hostile names

  virtual std::string shown(std::size_t member) const;  // for people: the package's name and the member's
  // The file that the member is by itself; "" where its bytes are inside of the package's.
  virtual std::filesystem::path file_of(std::size_t) const { return {}; }
  // Which file of this machine that is; zeros: none.
  virtual FileIdentity identity(std::size_t) const { return {}; }
  // Of a container image; nullptr of all else.
  virtual const ImageContents* image() const { return nullptr; }
  // Is the path one where this kind keeps what it says of itself?
  virtual bool describes_itself(std::string_view path) const = 0;

  // At most `count` bytes from `from` on. Error when it is damaged up to there.
  virtual std::string part(std::size_t member, std::uint64_t from, std::uint64_t count) const = 0;
  std::string start(std::size_t member) const { return part(member, 0, look_size); }
  // All of it, in order, until the sink has enough. Error when it is damaged.
  virtual void read(std::size_t member, const UnpackSink& sink) const = 0;
  // Without unpacking; nullopt when it has to be.
  virtual std::optional<MemberContent> in_place(std::size_t member) const = 0;
  // In place, or unpacked into memory of which only what is kept takes any. Error when it is damaged.
  MemberContent open(std::size_t member, const Reading& reading = {}) const;
  // Error when the package turned out not to be all there: asked at the end by those who judge what they
  // read.
  virtual void expect_whole() const {}

 protected:
  MemberList members_;
  Findings findings_;

 private:
  MemberContent unpack(std::size_t member, LeaveOut* leave_out, Sha256Stream* hash) const;

  std::string name_;
};

// Names the member at the start of what went wrong with it.
[[noreturn]] void throw_about(const Package& package, std::size_t member, const Error& error);

// A member as a file, in place whole or not at all; the folders on its way are made. Error, which names the
// member, when it is damaged.
void extract(const Package& package, std::size_t member, const std::filesystem::path& to);
// The same by whoever reads it.
void extract(const Package& package, std::size_t member, const std::filesystem::path& to,
             const std::function<void(const UnpackSink&)>& read);
// All folders and files below `folder`; links and devices are left out.
void extract_all(const Package& package, const std::filesystem::path& folder);

// Members that are another name of one that comes first by path: of that one.
std::map<std::size_t, std::size_t> other_names(const Package& package);

}  // namespace lathe
