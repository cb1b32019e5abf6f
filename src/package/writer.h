// SPDX-License-Identifier: MIT
// Writes a package again with some of its members changed: beside its place, checked, then renamed. Killed
// at any moment it leaves the old package or the new one (a folder that is changed in its own place: each
// file old or new). Which kind writes how: a row of kinds.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/new_file.h"
#include "package/package.h"
#include "package/place_journal.h"

namespace lathe {

struct PackageWriteOptions {
  // The new package; the old one itself: in place; or, for kinds that give it its name, the folder for it.
  std::filesystem::path to = {};
  bool dry_run = false;                                     // asks what would be refused, and writes nothing
  unsigned threads = 0;                                     // 0: all cores
  std::string_view done = "carved";                         // what happens to it, for messages
  std::function<void(std::uint64_t bytes)> on_packed = {};  // of new content, so far
  // Of a package that is a file: finish() tells its SHA-256, and the disk begins to take what was written.
  bool to_be_kept = false;
  // Of the folder that is changed in its own place, made before its members were listed, as it removes what
  // killed runs left half-written; it outlives the writer. nullptr: the writer makes its own.
  PlaceJournal* journal = nullptr;
};

// What the file name of a package says of it.
struct PackageLabel {
  std::string version = {};  // "2.10.0+cu128"
  std::string variant = {};  // "sm90"; "" of one that is not a variant
};

// A layer of a container image.
struct WrittenLayer {
  std::size_t number = 0;  // from 1
  std::string old_digest = {}, new_digest = {};
  std::uint64_t old_size = 0, new_size = 0;  // as they are stored
  std::size_t files = 0, records = 0;        // that changed: RECORDs apart
  bool changed() const { return files + records != 0; }
};

struct WrittenPackage {
  std::filesystem::path path = {};
  std::uint64_t old_size = 0, new_size = 0;  // of packages that are files; of an image all layers as stored
  std::vector<WrittenLayer> layers = {};     // of an image, each once
  std::string sha256 = {};                   // in hexadecimal, where it was asked for
};

// Members are numbered as in the old package. The order of calls: relabel, remove and rename; begin; then
// the members; rearrange, lists of members and what the package says of itself; finish, or pass_on in its
// place. Without finish nothing is left of what was written, but for what changes in its own place: then the
// journal is. Members of which nothing is said are taken over.
class PackageWriter {
 public:
  PackageWriter(const Package& package, PackageWriteOptions options);
  virtual ~PackageWriter() = default;
  PackageWriter(const PackageWriter&) = delete;
  PackageWriter& operator=(const PackageWriter&) = delete;

  // Of the old package; nullopt where the kind's name says nothing of what it holds.
  virtual std::optional<PackageLabel> label() const { return std::nullopt; }
  // Error when something is there already under the name that it gets.
  virtual void relabel(const PackageLabel&) {}
  virtual bool name_was_given() const { return false; }  // `to` is the new one's very name

  void remove(std::size_t member);  // in place files go in the order of these calls, folders after them
  void keep(std::size_t member);    // it was to be removed, and nothing of that is done yet
  void rename(std::size_t member, std::string path);
  // Of those to be removed: in whose place something else would appear. They are to be kept.
  virtual std::vector<std::size_t> that_stay() const { return {}; }
  // Of an image: which no container sees under any name.
  virtual std::vector<std::size_t> unseen() const { return {}; }

  virtual void begin() = 0;

  // Of different members from several threads at once:
  virtual std::filesystem::path old_file(
      std::size_t member) = 0;  // its content as a file: unpacked if need be
  virtual std::filesystem::path new_file(
      std::size_t member) = 0;         // where a new one is written; may be the same
  void take_over(std::size_t member);  // as it lies there, not unpacked
  void replace(std::size_t member);    // by what new_file() holds now
  virtual void replace(std::size_t member, std::string_view content) = 0;
  // Said before new_file() holds something else; `record`: PlaceChange's. In place it is written down.
  virtual void will_replace(std::size_t, std::string_view) {}
  // Of what new_file() holds, these runs are the old member's content: they need not be packed again.
  virtual void keeps(std::size_t, std::vector<CopyRun>) {}
  // Changes that killed runs began in this folder: lists of members may not have followed.
  virtual std::vector<PlaceChange> earlier_changes() const { return {}; }
  // In place: what was removed goes, what was renamed moves. Else nothing.
  virtual void rearrange() {}

  // A file beside others that say what the package is; "" where the old one has none of that name.
  virtual std::string description(std::string_view file) const = 0;
  virtual void describe(std::string_view file, std::string_view content) = 0;

  virtual WrittenPackage finish() = 0;
  // The old one as it is, under its own name: for kinds with a label.
  virtual WrittenPackage pass_on() { return {}; }

 protected:
  enum class Fate : std::uint8_t { open, taken, replaced, removed };

  virtual void taken(std::size_t) {}     // told once for each that is taken over
  virtual void replaced(std::size_t) {}  // and replaced
  void take_over_rest();

  const Package& package() const { return package_; }
  const PackageWriteOptions& options() const { return options_; }
  Fate fate(std::size_t member) const { return fates_[member]; }
  void set_replaced(std::size_t member) { fates_[member] = Fate::replaced; }
  std::string new_path(std::size_t member) const;
  const std::map<std::size_t, std::string>& renamed() const { return renamed_; }
  const std::vector<std::size_t>& removed() const { return removed_; }  // some may be kept after all

 private:
  const Package& package_;
  const PackageWriteOptions options_;
  std::vector<Fate> fates_;
  std::map<std::size_t, std::string> renamed_;
  std::vector<std::size_t> removed_;
};

}  // namespace lathe
