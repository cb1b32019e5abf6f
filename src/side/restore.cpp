// SPDX-License-Identifier: MIT
#include "side/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "os/descriptor.h"
#include "os/file.h"
#include "os/inside.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "os/unfinished.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/place_journal.h"
#include "side/assemble.h"
#include "side/manifest.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view nothing_changed = "nothing was changed";

fs::path parent_of(const fs::path& place) {
  return place.has_parent_path() ? place.parent_path() : fs::path(".");
}

[[noreturn]] void fail_other(const SideContent& side, const fs::path& slim, const std::string& why) {
  throw Error({.what = fmt::format("the side file {} does not belong to this: {}", side.name(), why),
               .where = {.file = slim.string()},
               .next = fmt::format("give the side file that was written with it; {}", nothing_changed)});
}

// What a hostile manifest claims is not written until the disk is full.
void expect_room(const fs::path& place, std::uint64_t size) {
  fs::path folder = fs::absolute(place);
  while (!fs::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (size <= room) return;
  throw Error(
      {.what = fmt::format("the original takes {}, and {} are free here", size_text(size), size_text(room)),
       .where = {.file = place.string()},
       .next = "make room, or name another disk with --output",
       .kind = ErrorKind::fault});
}

std::string hash_of(const fs::path& file) {
  const MappedFile map = MappedFile::open(file);
  std::string hash = to_hex(sha256(map.bytes()));
  map.expect_whole();
  return hash;
}

void set_mode_and_time(int descriptor, const SideFile& file, const fs::path& shown) {
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  std::int64_t seconds = file.modified / nanoseconds, rest = file.modified % nanoseconds;
  if (rest < 0) rest += nanoseconds, --seconds;
  const struct timespec time { .tv_sec = seconds, .tv_nsec = rest };
  if (::fchmod(descriptor, file.mode) != 0)
    throw system_error("set the permissions of", shown.string(), errno);
  const std::array<struct timespec, 2> times{time, time};
  if (::futimens(descriptor, times.data()) != 0)
    throw system_error("set the times of", shown.string(), errno);
}

Descriptor create(const fs::path& path, int flags) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) throw system_error("create", path.string(), errno);
  return file;
}

// One file, or a wheel.
class FileRestorer {
 public:
  FileRestorer(const fs::path& slim, const SideContent& side, const RestoreOptions& options)
      : slim_(slim),
        side_(side),
        options_(options),
        file_(side.manifest().files[0]),
        map_(MappedFile::open(slim)) {
    std::error_code ignored;
    in_place_ = fs::equivalent(slim, options.to, ignored);
    const bool wheel = side.manifest().kind == SideManifest::Kind::wheel;
    if (in_place_ && wheel && slim.filename() != side.manifest().name) {
      throw Error({.what = "a wheel is not restored in place: its name says what it holds",
                   .where = {.file = slim.string()},
                   .next = "say --output FOLDER"});
    }
    const bool folder = !options.to.has_filename() || fs::is_directory(options.to) ||
                        (wheel && options.to.extension() != ".whl");
    if (in_place_) place_ = fs::canonical(slim);
    else place_ = folder ? options.to / side.manifest().name : options.to;
  }

  Restored restore() {
    Restored out{.path = in_place_ ? slim_ : place_,
                 .size = file_.size,
                 .slim_size = map_.bytes().size(),
                 .files = 1,
                 .sha256 = file_.sha256};
    out.files = std::max<std::size_t>(1, side_.manifest().members.size());
    if (!in_place_ && fs::exists(fs::symlink_status(place_))) {
      throw Error({.what = "this is there already",
                   .where = {.file = place_.string()},
                   .next = "name a file that does not exist yet, or remove it"});
    }
    if (map_.bytes().size() == file_.size && to_hex(sha256(map_.bytes())) == file_.sha256)
      return pass_on(std::move(out));
    if (map_.bytes().size() != file_.slim_size) {
      fail_other(side_, slim_,
                 fmt::format("it has {} bytes, the slim one had {}", map_.bytes().size(), file_.slim_size));
    }
    expect_room(place_, file_.size);
    if (!options_.dry_run) write();
    return out;
  }

 private:
  // It is the original already.
  Restored pass_on(Restored out) {
    out.there_already = 1;
    out.files = 0;
    if (!options_.dry_run && !in_place_) {
      create_folders(parent_of(place_));
      copy_whole(slim_, place_);
    }
    return out;
  }

  void write() {
    const SourceFile source(slim_);
    create_folders(parent_of(place_));
    remove_leftovers(place_);
    NewFile file(place_);
    const Descriptor out = create(file.path(), O_RDWR);
    if (side_.manifest().kind == SideManifest::Kind::wheel) write_wheel(out.get(), file.path());
    else assemble_file(side_, file_, map_.bytes(), out.get(), place_.string());
    map_.expect_whole();
    source.expect_unchanged("restored");
    if (in_place_) file.take_attributes(source, NewFile::Keep::everything);
    set_mode_and_time(out.get(), file_, place_);
    file.put_in_place(true, in_place_ ? Unfinished::Over::what_is_there : Unfinished::Over::nothing);
    Inside(parent_of(place_)).sync();
  }

  void write_wheel(int out, const fs::path& path) {
    const Unfinished scratch(place_, Unfinished::Kind::folder);
    WheelAssembly how{.side = side_,
                      .slim = map_.bytes(),
                      .slim_name = slim_.string(),
                      .scratch = scratch.path(),
                      .threads = options_.threads};
    if (options_.progress) how.progress = [&](std::uint64_t done) { options_.progress(done, file_.size); };
    assemble_wheel(how, out, place_.string());
    if (hash_of(path) == file_.sha256) return;
    fail_other(side_, slim_,
               "the wheel does not come out as the original: it was changed since, or one of the "
               "two is damaged");
  }

  const fs::path& slim_;
  const SideContent& side_;
  const RestoreOptions& options_;
  const SideFile& file_;
  const MappedFile map_;
  bool in_place_ = false;
  fs::path place_;
};

// A folder: all that is new is made in a folder beside it first.
class FolderRestorer {
 public:
  FolderRestorer(const fs::path& slim, const SideContent& side, const RestoreOptions& options)
      : slim_(slim), side_(side), options_(options), root_(slim) {
    std::error_code ignored;
    in_place_ = fs::equivalent(slim, options.to, ignored);
    place_ = in_place_ ? fs::canonical(slim) : options.to.lexically_normal();
    if (!in_place_ && !place_.has_filename()) place_ = place_.parent_path();
  }

  Restored restore() {
    if (!in_place_ && fs::exists(fs::symlink_status(place_))) {
      throw Error({.what = "this is there already",
                   .where = {.file = place_.string()},
                   .next = "name a folder that does not exist yet, or remove it"});
    }
    out_.path = in_place_ ? slim_ : place_;
    std::optional<PlaceJournal> journal;  // nobody else changes the folder from here on
    if (in_place_ && !options_.dry_run) journal.emplace(place_);
    look_at_all();
    expect_room(place_, out_.size);
    if (options_.dry_run) return out_;
    create_folders(parent_of(place_));
    remove_leftovers(place_);
    const Unfinished made(place_, Unfinished::Kind::folder);
    make_all(made.path());
    if (in_place_) {
      put_into(Inside(made.path()), root_, true);
      journal->finish();
    } else {
      write_folder(made.path());
    }
    return out_;
  }

 private:
  struct Work {
    const SideFile* file;
    std::string number;  // under which name it is made
  };

  // Of a RECORD beside the folder: the folder that it is found from. In place only.
  Inside base_of(const SideFile& file) const {
    fs::path folder = fs::canonical(slim_);
    for (std::uint32_t i = 0; i < file.above; ++i) folder = folder.parent_path();
    return Inside(folder);
  }
  fs::path path_of(const SideFile& file) const {
    fs::path folder = fs::canonical(slim_);
    for (std::uint32_t i = 0; i < file.above; ++i) folder = folder.parent_path();
    return folder / file.path;
  }

  void look_at_all() {
    for (const SideFile& file : side_.manifest().files) {
      if (file.kind == SideFile::Kind::file && (in_place_ || file.above == 0)) look_at(file);
    }
    for (const SideFile& file : side_.manifest().added) {
      if (root_.kind(file.path) == Inside::Kind::file) ++out_.removed;
    }
  }

  void look_at(const SideFile& file) {
    const Inside::Kind kind = base_of(file).kind(file.path);
    if (kind == Inside::Kind::none && !file.dropped) {
      fail_other(side_, path_of(file), "this file is missing");
    } else if (kind != Inside::Kind::none && kind != Inside::Kind::file) {
      fail_other(side_, path_of(file), "this is not a file");
    } else if (kind == Inside::Kind::file) {
      const std::uint64_t size = fs::file_size(path_of(file));
      if (size == file.size && hash_of(path_of(file)) == file.sha256) {
        if (in_place_) {
          ++out_.there_already;
          return;
        }
        if (file.dropped) fail_other(side_, path_of(file), "this file should not be there");
      } else if (file.dropped || size != file.slim_size) {
        fail_other(side_, path_of(file),
                   file.dropped ? "this file should not be there"
                                : fmt::format("it has {} bytes, the slim one had {}", size, file.slim_size));
      }
      out_.slim_size += size;
    }
    work_.push_back({.file = &file, .number = std::to_string(work_.size())});
    out_.size += file.size;
    ++out_.files;
    if (file.dropped) ++out_.brought_back;
  }

  void make_all(const fs::path& folder) {
    std::vector<std::size_t> order(work_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](std::size_t i) { return work_[i].file->size; });
    std::mutex progress;
    std::uint64_t done = 0;
    parallel_for_all(
        order.size(),
        [&](std::size_t i) {
          const Work& work = work_[order[i]];
          make(work, folder / work.number);
          const std::lock_guard lock(progress);
          done += work.file->size;
          if (options_.progress) options_.progress(done, out_.size);
        },
        options_.threads);
  }

  void make(const Work& work, const fs::path& to) const {
    const SideFile& file = *work.file;
    const Descriptor out = create(to, O_RDWR | O_CREAT | O_EXCL);
    if (file.dropped) {
      assemble_file(side_, file, {}, out.get(), file.path);
    } else {
      const SourceFile source(path_of(file));
      const MappedFile map = MappedFile::open(source.path());
      if (map.bytes().size() == file.size && file.size != file.slim_size) {
        // as the original has it, of which a copy is wanted
        write_at(out.get(), 0, map.bytes(), file.path);
      } else {
        assemble_file(side_, file, map.bytes(), out.get(), file.path);
      }
      map.expect_whole();
      source.expect_unchanged("restored");
      struct stat old {};
      if (in_place_ && ::fstat(source.descriptor(), &old) == 0 &&
          ::fchown(out.get(), old.st_uid, old.st_gid) != 0 && old.st_uid != ::geteuid())
        throw system_error("keep the owner of", file.path, errno);
    }
    set_mode_and_time(out.get(), file, file.path);
    if (in_place_ && ::fsync(out.get()) != 0) throw system_error("write", file.path, errno);
  }

  // Renames what was made. In place each file is the old one or the original at every moment.
  void put_into(const Inside& made, const Inside& root, bool removes) {
    for (const SideFile& file : side_.manifest().files) {
      if (file.kind == SideFile::Kind::folder) put_folder(root, file);
    }
    for (const Work& work : work_) {
      if (work.file->above > 0) made.rename(work.number, base_of(*work.file), work.file->path);
      else made.rename(work.number, root, work.file->path);
    }
    std::size_t number = work_.size();
    for (const SideFile& file : side_.manifest().files) {
      const std::string name = std::to_string(number++);
      if (file.kind == SideFile::Kind::link) {
        fs::create_symlink(file.target, made.path(name));
        made.rename(name, root, file.path);
      } else if (file.kind == SideFile::Kind::second_name && !root.same(file.path, root, file.target)) {
        if (!root.link(file.target, made, name)) copy_whole(root.path(file.target), made.path(name));
        made.rename(name, root, file.path);
      }
    }
    if (!removes) return;
    for (const SideFile& file : side_.manifest().added) {
      if (root.kind(file.path) != Inside::Kind::file) continue;
      const fs::path path = root.path(file.path);
      if (fs::file_size(path) == file.slim_size && hash_of(path) == file.slim_sha256) fs::remove(path);
    }
  }

  static void put_folder(const Inside& root, const SideFile& file) {
    if (root.kind(file.path) == Inside::Kind::none) (void)root.make_folder(file.path);
    if (root.kind(file.path) == Inside::Kind::folder)
      fs::permissions(root.path(file.path), static_cast<fs::perms>(file.mode));
  }

  // What did not change is copied out of the slim folder.
  void write_folder(const fs::path& made) {
    Unfinished whole(place_, Unfinished::Kind::folder);
    PathLook look(slim_);
    const PackageKind* kind = package_kind(look);
    const auto package = kind->open(std::move(look));
    std::set<std::string> others;
    for (const SideFile& file : side_.manifest().files) {
      if (file.above == 0) others.insert(file.path);
    }
    for (const SideFile& file : side_.manifest().added) others.insert(file.path);
    const fs::path root = whole.path();
    const auto second = other_names(*package);
    std::vector<std::pair<std::string, std::size_t>> members;
    for (std::size_t i = 0; i < package->members().size(); ++i)
      members.emplace_back(package->members()[i].path(), i);
    std::ranges::sort(members);
    std::vector<std::pair<std::string, std::size_t>> files;
    for (const auto& [path, i] : members) {
      const PackageMember& member = package->members()[i];
      if (member.kind == PackageMember::Kind::folder) create_folders(root / path);
      else if (others.contains(path)) continue;
      else if (member.kind == PackageMember::Kind::file && !second.contains(i)) files.emplace_back(path, i);
    }
    parallel_for_all(
        files.size(),
        [&](std::size_t i) { copy_whole(package->file_of(files[i].second), root / files[i].first); },
        options_.threads);
    for (const auto& [path, i] : members) {
      if (others.contains(path)) continue;
      if (package->members()[i].kind == PackageMember::Kind::link)
        fs::create_symlink(package->members()[i].link(), root / path);
      const auto first = second.find(i);
      if (first != second.end() && fs::exists(root / package->members()[first->second].path()))
        fs::create_hard_link(root / package->members()[first->second].path(), root / path);
      else if (first != second.end()) copy_whole(package->file_of(i), root / path);
    }
    put_into(Inside(made), Inside(root), false);
    for (auto it = members.rbegin(); it != members.rend(); ++it) {
      const PackageMember& member = package->members()[it->second];
      if (member.kind == PackageMember::Kind::folder)
        fs::permissions(root / it->first, static_cast<fs::perms>(member.mode));
    }
    fs::permissions(root, fs::status(slim_).permissions());
    whole.put_in_place(Unfinished::Over::nothing);
  }

  const fs::path slim_;
  const SideContent& side_;
  const RestoreOptions& options_;
  const Inside root_;
  bool in_place_ = false;
  fs::path place_;
  std::vector<Work> work_;
  Restored out_;
};

}  // namespace

Restored restore(const fs::path& slim, const SideContent& side, const RestoreOptions& options) {
  const bool folder = fs::is_directory(slim);
  if (!fs::exists(slim)) throw system_error("open", slim.string(), ENOENT);
  if (folder != (side.manifest().kind == SideManifest::Kind::folder)) {
    fail_other(side, slim, fmt::format("it was written with a {}", to_string(side.manifest().kind)));
  }
  if (folder) return FolderRestorer(slim, side, options).restore();
  return FileRestorer(slim, side, options).restore();
}

}  // namespace lathe
