// SPDX-License-Identifier: MIT
#include "carve/tree.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "inspect/image_skipper.h"
#include "formats/zip.h"
#include "carve/container.h"
#include "package/installed_record.h"
#include "carve/manifest.h"
#include "os/new_file.h"
#include "carve/vendor.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/unfinished.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view vendors_own = "one of NVIDIA's own files";

struct Item {
  fs::path relative;
  std::uint64_t size = 0;
  std::optional<std::size_t> link_to = {};  // an item that is the same file
};

class TreeCarver {
 public:
  TreeCarver(fs::path source, const TreeOptions& options) : source_(std::move(source)), options_(options) {
    options_.carve.unfit = CarveOptions::Unfit::leave;
    if (options_.own_copy) may_empty();
    options_.carve.arch_list_alone = true;
    options_.carve.hash = true;
  }

  CarvedTree in_place() {
    list();
    carve_all(source_);
    if (options_.write_manifest && !options_.carve.dry_run && tree_.count(Outcome::carved) != 0) {
      write_manifest(source_);
      auto records = records_in(source_);
      if (records.empty()) records = records_beside(source_);
      update_installed_records(source_, changed_files(), std::string(manifest_name), records);
    }
    return std::move(tree_);
  }

  CarvedTree plan(const Package& package, std::vector<std::size_t> libraries) {
    const auto path = [&](std::size_t member) -> const std::string& {
      return package.members()[member].path;
    };
    std::ranges::sort(libraries, {}, path);
    for (const std::size_t member : libraries)
      items_.push_back({.relative = path(member), .size = package.members()[member].size});
    carve_all([&](std::size_t i) { return plan_one(package, libraries[i]); });
    if (damage_) std::rethrow_exception(damage_);
    return std::move(tree_);
  }

  CarvedTree to(const fs::path& destination) {
    if (fs::exists(fs::symlink_status(destination))) {
      throw Error({.what = "this is there already",
                   .where = {.file = destination.string()},
                   .next = "name a folder that does not exist yet, or remove it"});
    }
    may_empty();
    list();
    say_what_is_left_out();
    if (options_.carve.dry_run) {
      carve_all(destination);
      return std::move(tree_);
    }
    const fs::path place = destination.lexically_normal();
    if (place.has_parent_path()) create_folders(place.parent_path());
    remove_leftovers(place);
    Unfinished folder(place, Unfinished::Kind::folder);
    make_folders(folder.path());
    carve_all(folder.path());
    if (!tree_.failures.empty()) return std::move(tree_);
    link_and_finish(folder.path());
    if (options_.write_manifest && !tree_.files.empty()) {
      write_manifest(folder.path());
      update_installed_records(folder.path(), changed_files(), std::string(manifest_name),
                               records_in(folder.path()));
    }
    fs::permissions(folder.path(), fs::status(source_).permissions());
    expect_all(folder.path(), place);
    folder.put_in_place(Unfinished::Over::nothing);
    return std::move(tree_);
  }

 private:
  // A library without code for any target loses what it has only where the old one stays: a GPU that was
  // mistyped would cost all libraries of a folder their code.
  void may_empty() {
    may_empty_ = true;
    if (options_.carve.minimal) options_.carve.unfit = CarveOptions::Unfit::empty;
  }

  void list() {
    std::map<std::pair<dev_t, ino_t>, std::size_t> seen;
    for (const auto& entry : fs::recursive_directory_iterator(source_)) {
      const fs::path relative = entry.path().lexically_relative(source_);
      if (entry.is_symlink()) {
        links_.push_back(relative);
      } else if (entry.is_directory()) {
        folders_.push_back(relative);
      } else if (entry.is_regular_file()) {
        items_.push_back({.relative = relative, .size = entry.file_size()});
      } else {
        others_.push_back(relative);
      }
    }
    std::ranges::sort(items_, {}, &Item::relative);
    std::ranges::sort(folders_);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      struct stat status {};
      if (::stat((source_ / items_[i].relative).c_str(), &status) != 0 || status.st_nlink < 2) continue;
      const auto [it, first] = seen.try_emplace({status.st_dev, status.st_ino}, i);
      if (first) continue;
      items_[i].link_to = it->second;
      other_names_[it->second].push_back(i);
    }
  }

  // In place they stay; a new folder is of files, folders and links.
  void say_what_is_left_out() {
    std::ranges::sort(others_);
    for (const fs::path& other : others_) {
      tree_.left_out.add(
          {.rule = "carve-left-out",
           .severity = Severity::warning,
           .where = {.file = other.generic_string()},
           .what = fmt::format("{}, which the new folder does not have", kind_of(source_ / other)),
           .fix = "make it there yourself, if something needs it"});
    }
  }

  static std::string_view kind_of(const fs::path& path) {
    switch (fs::symlink_status(path).type()) {
      case fs::file_type::fifo: return "a FIFO";
      case fs::file_type::socket: return "a socket";
      case fs::file_type::character:
      case fs::file_type::block: return "a device";
      default: return "no file";
    }
  }

  std::vector<fs::path> records_in(const fs::path& folder) const {
    std::vector<fs::path> records;
    for (const Item& item : items_) {
      if (is_installed_record(item.relative)) records.push_back(folder / item.relative);
    }
    return records;
  }

  void make_folders(const fs::path& destination) const {
    for (const fs::path& folder : folders_) create_folders(destination / folder);
    for (const fs::path& link : links_) fs::copy_symlink(source_ / link, destination / link);
  }

  // Somebody may have removed the folder while it was filled: what was written after that alone is no result.
  void expect_all(const fs::path& written, const fs::path& place) const {
    const bool all =
        std::ranges::all_of(
            items_,
            [&](const Item& item) { return fs::exists(fs::symlink_status(written / item.relative)); }) &&
        std::ranges::all_of(links_, [&](const fs::path& link) { return fs::is_symlink(written / link); });
    if (!all) throw lost(place);
  }

  // Permissions of folders come last: one may be read-only.
  void link_and_finish(const fs::path& destination) const {
    for (const Item& item : items_) {
      if (item.link_to)
        fs::create_hard_link(destination / items_[*item.link_to].relative, destination / item.relative);
    }
    for (const fs::path& folder : folders_)
      fs::permissions(destination / folder, fs::status(source_ / folder).permissions());
  }

  // In place a carved file is a new one: its other names in this folder become names of it, at once.
  void link_again(std::size_t carved) const {
    for (const std::size_t name : other_names_.at(carved)) {
      link_over(source_ / items_[carved].relative, source_ / items_[name].relative);
    }
  }

  bool is_carved(std::size_t i) const {
    const auto it = std::ranges::find(tree_.files, items_[i].relative.generic_string(), &CarvedFile::path);
    return it != tree_.files.end() && it->outcome == Outcome::carved;
  }

  void carve_all(const fs::path& destination) {
    carve_all([&](std::size_t i) { return carve_one(i, destination); });
  }

  // The largest first, so that no core is left alone with one at the end.
  void carve_all(const std::function<CarvedFile(std::size_t)>& one) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!items_[i].link_to) order.push_back(i);
    }
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return items_[i].size; });
    std::vector<CarvedFile> done(items_.size());
    std::size_t finished = 0;
    const auto failures = parallel_for(
        order.size(),
        [&](std::size_t k) {
          done[order[k]] = one(order[k]);
          const std::lock_guard lock(progress_);
          if (options_.progress) options_.progress(++finished, order.size());
        },
        options_.threads);
    collect(order, done, failures);
  }

  CarvedFile carve_one(std::size_t i, const fs::path& destination) {
    const Item& item = items_[i];
    const fs::path from = source_ / item.relative;
    if (!is_library(from)) {
      if (destination != source_ && !options_.carve.dry_run) copy_whole(from, destination / item.relative);
      return {};
    }
    CarveOptions options = options_.carve;
    if (!options_.include_vendor && is_vendor(item, from)) options.leave_because = vendors_own;
    CarvedFile file = carve_file(from, destination / item.relative, options);
    file.path = item.relative.generic_string();
    const bool has_names = destination == source_ && other_names_.contains(i);
    if (has_names && file.outcome == Outcome::carved && !options.dry_run) link_again(i);
    return file;
  }

  CarvedFile plan_one(const Package& package, std::size_t member) {
    const std::string& path = package.members()[member].path;
    Sha256Stream hash;
    const auto opened = open_member(package, member, hash);
    if (!opened) return {};
    CarveOptions options = options_.carve;
    const Elf elf = Elf::parse(opened->bytes(), path);
    if (!options_.include_vendor && is_vendor_file(path, elf.soname())) options.leave_because = vendors_own;
    return plan_library(
        {.path = path, .bytes = opened->bytes(), .absent = opened->absent(), .sha256 = to_hex(hash.finish())},
        options);
  }

  // A damaged one makes the whole package one that is not carved.
  std::optional<MemberContent> open_member(const Package& package, std::size_t member, Sha256Stream& hash) {
    try {
      if (package.in_place(member)) package.read(member, [](ByteSpan) { return true; });
      ImageSkipper skipper;
      return package.open(member, {.leave_out = &skipper, .hash = &hash});
    } catch (const Error& error) {
      Error::Parts parts = error.parts();
      parts.what = fmt::format("{}: {}", printable(package.members()[member].path), parts.what);
      const std::lock_guard lock(progress_);
      if (!damage_) damage_ = std::make_exception_ptr(Error(std::move(parts)));
      return std::nullopt;
    }
  }

  static constexpr std::uint64_t smallest_library = 64;  // bytes, the header alone

  // What is none by itself may hold some: then it is said.
  bool is_library(const fs::path& path) {
    if (fs::file_size(path) < smallest_library) return false;
    const MappedFile map = MappedFile::open(path);
    if (Elf::looks_like(map.bytes())) return true;
    look_at(path, map);
    return false;
  }

  void look_at(const fs::path& path, const MappedFile& map) {
    const bool zip = looks_like_zip(map.bytes());
    auto file = zip ? look_into_whole_zip(path, map.bytes()) : look_for_device_code(map.bytes());
    if (!file || file->holds == NotRead::Holds::nothing) return;
    if (zip) file->words += ", which is not carved where it lies";
    file->path = path.string();
    file->within = options_.name.empty() ? source_.string() : options_.name;
    const std::lock_guard lock(progress_);
    tree_.not_read.push_back(std::move(*file));
  }

  static bool is_vendor(const Item& item, const fs::path& path) {
    const MappedFile file = MappedFile::open(path);
    return is_vendor_file(item.relative, Elf::parse(file.bytes(), path.string()).soname());
  }

  void collect(const std::vector<std::size_t>& order, std::vector<CarvedFile>& done,
               const std::vector<std::exception_ptr>& failures) {
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (failures[k]) note_failure(items_[order[k]], failures[k]);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].link_to) continue;
      tree_.old_size += items_[i].size;
      tree_.new_size += done[i].path.empty() ? items_[i].size : done[i].new_size;
      if (!may_empty_ && done[i].unfit) done[i].totals.bytes_minimal = done[i].totals.bytes_kept;
      if (done[i].path.empty() || done[i].outcome == Outcome::no_device_code) ++tree_.other_files;
      else tree_.files.push_back(std::move(done[i]));
    }
    std::ranges::sort(tree_.not_read, {}, &NotRead::path);
    refuse_if_nothing_fits();
  }

  void note_failure(const Item& item, const std::exception_ptr& failure) {
    std::string what = "failed", fix;
    try {
      std::rethrow_exception(failure);
    } catch (const Error& error) {
      what = error.parts().what;
      fix = error.parts().next;
      tree_.fault |= error.parts().kind == ErrorKind::fault;
    } catch (const std::exception& error) {
      what = error.what();
      tree_.fault = true;
    }
    tree_.failures.add({.rule = "carve-failed",
                        .severity = Severity::error,
                        .where = {.file = item.relative.generic_string()},
                        .what = what,
                        .fix = fix});
  }

  void refuse_if_nothing_fits() {
    const auto first = std::ranges::find(tree_.files, true, &CarvedFile::unfit);
    const bool others = std::ranges::any_of(tree_.files, [&](const CarvedFile& file) {
      return file.outcome != Outcome::left_alone && !file.unfit && file.totals.images != 0;
    });
    if (first == tree_.files.end() || others) return;
    tree_.failures.add({.rule = "carve-no-code",
                        .severity = Severity::error,
                        .where = {.file = options_.name.empty() ? source_.string() : options_.name},
                        .what = fmt::format("no library here holds code for {}; {} holds {}",
                                            to_string(options_.carve.targets), first->path, first->old_held),
                        .fix = "nothing was written; carve a build that was made for this GPU too"});
  }

  void write_manifest(const fs::path& destination) const {
    const fs::path earlier = source_ / manifest_name;
    const std::string text = fs::is_regular_file(earlier) ? read_file(earlier) : "";
    write_file_atomically(destination / manifest_name, carve_manifest(tree_.files, options_.carve, text));
  }

  std::vector<std::string> changed_files() const {
    std::vector<std::string> files;
    for (const CarvedFile& file : tree_.files) {
      if (file.outcome == Outcome::carved) files.push_back(file.path);
    }
    for (const Item& item : items_) {
      if (item.link_to && is_carved(*item.link_to)) files.push_back(item.relative.generic_string());
    }
    return files;
  }

  const fs::path source_;
  TreeOptions options_;
  std::vector<Item> items_;                                      // regular files, by path
  std::map<std::size_t, std::vector<std::size_t>> other_names_;  // of items, items that are the same file
  std::vector<fs::path> folders_, links_;
  std::vector<fs::path> others_;  // FIFOs, sockets, devices
  bool may_empty_ = false;
  std::exception_ptr damage_;  // of a member
  std::mutex progress_;
  CarvedTree tree_;
};

}  // namespace

std::size_t CarvedTree::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::ranges::count(files, outcome, &CarvedFile::outcome));
}

std::uint64_t CarvedTree::minimal_saves() const {
  std::uint64_t saves = 0;
  for (const CarvedFile& file : files) {
    if (file.outcome != Outcome::left_alone || file.unfit)
      saves += file.totals.bytes_kept - file.totals.bytes_minimal;
  }
  return saves;
}

int CarvedTree::exit_code() const {
  const bool wrong =
      std::ranges::any_of(files, [](const CarvedFile& file) { return file.notes.exit_code() != 0; });
  return wrong || !not_read.empty() ? 1 : failures.exit_code();
}

CarvedTree plan_members(const Package& package, std::vector<std::size_t> libraries,
                        const TreeOptions& options) {
  TreeOptions planned = options;
  planned.own_copy = true;
  planned.carve.dry_run = true;
  return TreeCarver({}, planned).plan(package, std::move(libraries));
}

CarvedTree carve_tree(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const TreeOptions& options) {
  std::error_code ignored;
  if (fs::equivalent(source, destination, ignored)) return TreeCarver(source, options).in_place();
  return TreeCarver(source, options).to(destination);
}

}  // namespace lathe
