// SPDX-License-Identifier: MIT
#include "side/write_side.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/hash.h"
#include "os/inside.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "os/unfinished.h"
#include "package/kinds.h"
#include "package/package.h"
#include "side/compare.h"
#include "side/manifest.h"
#include "side/side_file.h"
#include "side/store.h"
#include "side/write_wheel.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

bool same_file(const fs::path& one, const fs::path& other, const PackageMember& a, const PackageMember& b) {
  std::error_code ignored;
  if (a.size != b.size) return false;
  if (fs::equivalent(one, other, ignored)) return true;
  const MappedFile first = MappedFile::open(one), second = MappedFile::open(other);
  const bool same = as_text(first.bytes()) == as_text(second.bytes());
  first.expect_whole();
  second.expect_whole();
  return same;
}

// Two folders, member by member.
class FolderAside {
 public:
  FolderAside(const fs::path& original, const fs::path& slim, SideManifest& manifest, SideSummary& summary)
      : manifest_(manifest), summary_(summary), old_(open(original)), new_(open(slim)) {
    for (std::size_t i = 0; i < new_->members().size(); ++i) new_members_[new_->members()[i].path()] = i;
  }

  void write(StoreWriter& store, const SideOptions& options) {
    for (const auto& [other, first] : other_names(*old_)) second_names_[other] = first;
    std::map<std::string, std::size_t> in_order;
    for (std::size_t i = 0; i < old_->members().size(); ++i) in_order[old_->members()[i].path()] = i;
    for (const auto& [path, i] : in_order) look_at(path, i);
    for (const SideNeighbour& one : options.neighbours) {
      std::error_code ignored;
      if (fs::equivalent(one.original, one.slim, ignored)) continue;  // not written again
      SideFile file{.path = one.path, .above = one.above};
      add_pair(std::move(file), one.original, one.slim);
    }
    std::uint64_t done = 0;
    compare_all(pairs_, options.threads, [&](std::size_t i, const Compared& pair, ByteSpan original) {
      put(manifest_.files[files_[i]], pair, original, store);
      done += pair.size;
      if (options.progress) options.progress(done);
    });
    list_added(in_order);
  }

 private:
  static std::unique_ptr<Package> open(const fs::path& path) {
    PathLook look(path);
    const PackageKind* kind = package_kind(look);
    auto package = kind->open(std::move(look));
    for (const Finding& finding : package->findings()) {
      if (finding.severity == Severity::error)
        throw Error({.what = finding.what, .where = finding.where, .kind = ErrorKind::fault});
    }
    return package;
  }

  const PackageMember* slim_member(const std::string& path) const {
    const auto found = new_members_.find(path);
    return found == new_members_.end() ? nullptr : &new_->members()[found->second];
  }

  void look_at(const std::string& path, std::size_t i) {
    using Kind = PackageMember::Kind;
    const PackageMember& member = old_->members()[i];
    const PackageMember* slim = slim_member(path);
    const bool same_kind = slim && slim->kind == member.kind;
    SideFile file{.path = path, .mode = member.mode};
    if (member.kind == Kind::folder && !same_kind) {
      file.kind = SideFile::Kind::folder;
      manifest_.files.push_back(std::move(file));
    } else if (member.kind == Kind::link && !(same_kind && slim->link() == member.link())) {
      file.kind = SideFile::Kind::link;
      file.target = member.link();
      manifest_.files.push_back(std::move(file));
    } else if (member.kind == Kind::file) {
      look_at_file_in(std::move(file), i, same_kind ? slim : nullptr);
    }
  }

  void look_at_file_in(SideFile file, std::size_t i, const PackageMember* slim) {
    const fs::path original = old_->file_of(i);
    const fs::path other = slim ? new_->file_of(new_members_.at(file.path)) : fs::path();
    if (slim && same_file(original, other, old_->members()[i], *slim)) return;
    if (const auto first = second_names_.find(i); first != second_names_.end()) {
      file.kind = SideFile::Kind::second_name;
      file.target = old_->members()[first->second].path();
      manifest_.files.push_back(std::move(file));
      return;
    }
    add_pair(std::move(file), original, other);
  }

  void add_pair(SideFile file, const fs::path& original, const fs::path& slim) {
    file.dropped = slim.empty();
    lathe::look_at_file(original, file);
    files_.push_back(manifest_.files.size());
    manifest_.files.push_back(std::move(file));
    pairs_.push_back({.original = original, .slim = slim});
    ++summary_.files;
    if (slim.empty()) ++summary_.dropped;
  }

  void put(SideFile& file, const Compared& pair, ByteSpan original, StoreWriter& store) {
    file.size = pair.size;
    file.sha256 = pair.sha256;
    file.slim_size = pair.slim_size;
    file.slim_sha256 = pair.slim_sha256;
    file.recipe = store_runs(store, pair.runs, original);
    summary_.original_size += pair.size;
    summary_.slim_size += pair.slim_size;
  }

  void list_added(const std::map<std::string, std::size_t>& in_order) {
    for (const auto& [path, i] : new_members_) {
      if (in_order.contains(path) || new_->members()[i].kind != PackageMember::Kind::file) continue;
      const MappedFile file = MappedFile::open(new_->file_of(i));
      SideFile added;
      added.path = path;
      added.slim_size = file.bytes().size();
      added.slim_sha256 = to_hex(sha256(file.bytes()));
      manifest_.added.push_back(std::move(added));
      summary_.slim_size += file.bytes().size();
    }
  }

  SideManifest& manifest_;
  SideSummary& summary_;
  std::unique_ptr<Package> old_, new_;
  std::map<std::string, std::size_t> new_members_;
  std::map<std::size_t, std::size_t> second_names_;
  std::vector<ComparedPair> pairs_;
  std::vector<std::size_t> files_;  // of each pair: in the manifest
};

void write_file_aside(const fs::path& original, const fs::path& slim, const SideOptions& options,
                      StoreWriter& store, SideManifest& manifest, SideSummary& summary) {
  SideFile& file = manifest.files[0];
  compare_all({{.original = original, .slim = slim}}, options.threads,
              [&](std::size_t, const Compared& pair, ByteSpan bytes) {
                file.size = summary.original_size = pair.size;
                file.sha256 = pair.sha256;
                file.slim_size = summary.slim_size = pair.slim_size;
                file.slim_sha256 = pair.slim_sha256;
                file.recipe = store_runs(store, pair.runs, bytes);
              });
  summary.files = 1;
}

SideManifest::Kind kind_of(PathLook& look) {
  if (look.is_folder()) return SideManifest::Kind::folder;
  return look.is_zip() ? SideManifest::Kind::wheel : SideManifest::Kind::file;
}

SideManifest::Kind kind_of_both(const fs::path& original, const fs::path& slim) {
  PathLook old_look(original), new_look(slim);
  const auto kind = kind_of(old_look);
  if (kind == kind_of(new_look)) return kind;
  throw Error({.what = "this is of another kind than the original", .where = {.file = slim.string()}});
}

// The file's name, also of "folder/" and "."
std::string name_by_path(const fs::path& path) {
  const fs::path whole = fs::canonical(path);
  return whole.filename().string();
}

}  // namespace

SideSummary write_side(const fs::path& original, const fs::path& slim, const fs::path& place,
                       const SideOptions& options) {
  SideManifest manifest;
  SideSummary summary;
  manifest.kind = kind_of_both(original, slim);
  manifest.how = options.how;
  manifest.name = options.name.empty() ? name_by_path(original) : options.name;
  if (fs::exists(fs::symlink_status(place)))
    throw Error({.what = "this is there already",
                 .where = {.file = place.string()},
                 .next = "name a file that does not exist yet, or remove it"});
  remove_leftovers(place);
  NewFile file(place);
  write_side_head(file);
  StoreWriter store(file, side_head_size, options.threads);
  if (manifest.kind == SideManifest::Kind::folder) {
    FolderAside(original, slim, manifest, summary).write(store, options);
  } else {
    manifest.files.emplace_back();
    manifest.files[0].path = manifest.name;
    look_at_file(original, manifest.files[0]);
    if (manifest.kind == SideManifest::Kind::file) {
      write_file_aside(original, slim, options, store, manifest, summary);
    } else {
      const Unfinished scratch(place, Unfinished::Kind::folder);
      write_wheel(original, slim, scratch.path(), options, store, manifest, summary);
      summary.original_size = manifest.files[0].size;
      summary.slim_size = manifest.files[0].slim_size;
    }
  }
  store.finish();
  summary.content = store.given();
  summary.twice = store.given() > store.size() ? store.given() - store.size() : 0;
  summary.size = write_side_end(file, store, manifest);
  file.put_in_place(true);
  Inside(containing_folder(place)).sync();
  return summary;
}

}  // namespace lathe
