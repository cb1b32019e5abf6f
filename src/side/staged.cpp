// SPDX-License-Identifier: MIT
#include "side/staged.h"

#include <sys/file.h>

#include <string>
#include <system_error>

#include "base/error.h"
#include "os/file.h"
#include "os/inside.h"
#include "package/installed_record.h"
#include "side/manifest.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

void link_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (!error) return;
  throw Error({.what = "this file system has no hard links: " + error.message(),
               .where = {.file = from.string()},
               .next = "carve into a new place with --output"});
}

// The folder in which the RECORDs lie that list this one's files: its own, or one above.
fs::path base_of(const fs::path& original) {
  if (!fs::is_directory(original)) return original.parent_path();
  const auto records = records_beside(original);
  return records.empty() ? original.parent_path() : records[0].parent_path().parent_path();
}

unsigned steps_between(const fs::path& folder, const fs::path& base) {
  unsigned steps = 0;
  for (fs::path at = folder; at != base && at.has_relative_path(); at = at.parent_path()) ++steps;
  return steps;
}

}  // namespace

StagedCopy::StagedCopy(const fs::path& original)
    : original_(fs::canonical(original)),
      folder_((remove_leftovers(original_), original_), Unfinished::Kind::folder) {
  // Whoever changes the copy shares the folders above it; that it is no leftover is still seen.
  (void)::flock(folder_.descriptor(), LOCK_SH);
  base_ = fs::canonical(folder_.path()) / "copy";
  copy_ = base_ / original_.lexically_relative(base_of(original_));
  create_folders(copy_.parent_path());
  if (fs::is_directory(original_)) {
    link_folder();
    link_neighbours();
  } else {
    link_file(original_, copy_);
  }
}

void StagedCopy::link_folder() {
  fs::create_directory(copy_, original_);
  for (fs::recursive_directory_iterator it(original_), end; it != end; ++it) {
    const fs::path to = copy_ / it->path().lexically_relative(original_);
    const fs::file_status status = it->symlink_status();
    if (status.type() == fs::file_type::directory) fs::create_directory(to, it->path());
    else if (status.type() == fs::file_type::symlink) fs::copy_symlink(it->path(), to);
    else if (status.type() == fs::file_type::regular) link_file(it->path(), to);
  }
}

void StagedCopy::link_neighbours() {
  const fs::path base = base_of(original_);
  for (const fs::path& record : records_beside(original_)) {
    const fs::path inner = record.lexically_relative(base);
    const fs::path copy = base_ / inner;
    create_folders(copy.parent_path());
    link_file(record, copy);
    neighbours_.push_back({.path = inner.generic_string(),
                           .above = steps_between(original_, base),
                           .original = record,
                           .slim = copy});
  }
}

void StagedCopy::put_in_place(const SideContent& side) {
  if (!fs::is_directory(original_)) {
    fs::rename(copy_, original_);
    return;
  }
  const Inside from(copy_), to(original_);
  for (const SideFile& file : side.manifest().files) {
    if (file.above > 0) {
      const Inside base(base_of(original_)), base_copy(base_);
      base_copy.rename(file.path, base, file.path);
    } else if (file.kind != SideFile::Kind::folder && from.kind(file.path) != Inside::Kind::none) {
      from.rename(file.path, to, file.path);
    }
  }
  for (const SideFile& file : side.manifest().added) from.rename(file.path, to, file.path);
  std::error_code ignored;
  for (const SideFile& file : side.manifest().files) {
    const bool gone = file.above == 0 && from.kind(file.path) == Inside::Kind::none;
    if (gone && file.dropped && to.kind(file.path) == Inside::Kind::file)
      fs::remove(to.path(file.path), ignored);
  }
}

}  // namespace lathe
