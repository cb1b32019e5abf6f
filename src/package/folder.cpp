// SPDX-License-Identifier: MIT
// A folder: its members are the files, folders and links below it. Links in it are not followed.
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "formats/streams/unpack.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "os/unfinished.h"
#include "package/installed_record.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/place_journal.h"
#include "package/writer.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class FolderPackage final : public Package {
 public:
  explicit FolderPackage(fs::path root) : Package(root.string()), root_(std::move(root)) { list(); }

  std::string shown(std::size_t member) const override { return file_of(member).string(); }
  fs::path file_of(std::size_t member) const override { return root_ / members()[member].path(); }
  FileIdentity identity(std::size_t member) const override {
    struct stat status {};
    return ::lstat(file_of(member).c_str(), &status) == 0 ? identity_of(status) : FileIdentity{};
  }
  bool describes_itself(std::string_view) const override { return true; }
  // Folders, "" or "lib/torch", where a run that changed them in place was killed or is busy.
  const std::vector<std::string>& unfinished() const { return unfinished_; }

  std::string part(std::size_t member, std::uint64_t from, std::uint64_t count) const override {
    const fs::path path = file_of(member);
    std::ifstream file(path, std::ios::binary);
    std::string bytes(count, '\0');
    if (!file || !file.seekg(static_cast<std::streamoff>(from)))
      throw Error({.what = "the file cannot be read", .where = {.file = path.string()}});
    file.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
  }

  void read(std::size_t member, const UnpackSink& sink) const override {
    const MappedFile file = MappedFile::open(file_of(member));
    sink(file.bytes());
    file.expect_whole();
  }

  std::optional<MemberContent> in_place(std::size_t member) const override {
    return MemberContent(MappedFile::open(file_of(member)));
  }

 private:
  void list() {
    std::error_code error;
    fs::recursive_directory_iterator walk(root_, error), end;
    if (error) throw system_error("read the folder", name(), error.value());
    for (; walk != end; walk.increment(error)) {
      if (error) break;
      add(walk->path());
    }
    if (error) unreadable(name(), "the folder cannot be read to its end: " + error.message());
  }

  void add(const fs::path& path) {
    using Kind = PackageMember::Kind;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return unreadable(path.string(), "the file cannot be read");
    const std::string inner = inside(path);
    if (path.filename() == place_journal_name) {
      unfinished_.push_back(fs::path(inner).parent_path().generic_string());
      return;
    }
    MemberList::New member{.path = inner, .mode = status.st_mode & 07777};
    if (S_ISREG(status.st_mode)) {
      member.size = static_cast<std::uint64_t>(status.st_size);
      if (status.st_nlink > 1) member.file = identity_of(status);
    } else if (S_ISDIR(status.st_mode)) {
      member.kind = Kind::folder;
    } else if (S_ISLNK(status.st_mode)) {
      member.kind = Kind::link;
      std::error_code ignored;
      member.link = fs::read_symlink(path, ignored).string();
    } else {
      member.kind = Kind::other;
    }
    members_.add(std::move(member));
  }

  std::string inside(const fs::path& path) const {
    const std::size_t skip = name().size() + (name().ends_with('/') ? 0 : 1);
    return path.native().substr(skip);
  }

  void unreadable(std::string file, std::string what) {
    findings_.add({.rule = "inspect-unreadable",
                   .severity = Severity::error,
                   .where = {.file = std::move(file)},
                   .what = std::move(what),
                   .fix = ""});
  }

  const fs::path root_;
  std::vector<std::string> unfinished_;
};

// Into a new folder, which appears whole or not at all; or each file in its own place.
class FolderWriter final : public PackageWriter {
 public:
  FolderWriter(const FolderPackage& package, PackageWriteOptions how)
      : PackageWriter(package, std::move(how)), root_(package.name()) {
    for (const auto& [other, first] : other_names(package)) others_.push_back({.name = other, .of = first});
    std::error_code ignored;
    in_place_ = fs::equivalent(root_, options().to, ignored);
    if (in_place_ && !options().dry_run) take_journal(package.unfinished());
    if (!in_place_) expect_finished(package.unfinished());
    if (in_place_ || !fs::exists(fs::symlink_status(options().to))) return;
    throw Error({.what = "this is there already",
                 .where = {.file = options().to.string()},
                 .next = "name a folder that does not exist yet, or remove it"});
  }

  void begin() override {
    if (in_place_) return;
    place_ = options().to.lexically_normal();
    if (place_.has_parent_path()) create_folders(place_.parent_path());
    remove_leftovers(place_);
    folder_.emplace(place_, Unfinished::Kind::folder);
    each(PackageMember::Kind::folder, [&](std::size_t i) { create_folders(new_file(i)); });
    each(PackageMember::Kind::link, [&](std::size_t i) {
      if (renamed().contains(i)) create_folders(new_file(i).parent_path());
      fs::copy_symlink(old_file(i), new_file(i));
    });
  }

  fs::path old_file(std::size_t member) override { return package().file_of(member); }
  fs::path new_file(std::size_t member) override {
    return in_place_ ? old_file(member) : target() / new_path(member);
  }
  using PackageWriter::replace;
  void replace(std::size_t member, std::string_view content) override {
    will_replace(member, "");
    const SourceFile old(old_file(member));
    NewFile file(new_file(member));
    file.patch(0, content);
    file.take_attributes(old, in_place_ ? NewFile::Keep::everything : NewFile::Keep::mode);
    const bool is_there = in_place_ || fate(member) == Fate::taken;
    file.put_in_place(in_place_, is_there ? Unfinished::Over::what_is_there : Unfinished::Over::nothing);
    PackageWriter::replace(member);
  }

  std::string description(std::string_view file) const override {
    const fs::path earlier = root_ / file;
    return fs::is_regular_file(earlier) ? read_file(earlier) : "";
  }
  void describe(std::string_view file, std::string_view content) override {
    if (journal_) journal_->will_change({{.kind = PlaceChange::Kind::added, .path = std::string(file)}});
    replace_whole(target() / file, content);
    described_.emplace_back(file);
  }

  void will_replace(std::size_t member, std::string_view record) override {
    if (!journal_) return;
    std::vector<PlaceChange> changes{{.path = new_path(member), .record = std::string(record)}};
    for (const Name& other : others_) {
      if (other.of == member && fate(other.name) == Fate::open)
        changes.push_back({.path = new_path(other.name)});
    }
    journal_->will_change(changes);
  }
  std::vector<PlaceChange> earlier_changes() const override {
    return journal_ ? journal_->earlier() : std::vector<PlaceChange>{};
  }

  void rearrange() override {
    if (!in_place_ || std::exchange(rearranged_, true)) return;
    std::vector<PlaceChange> changes;
    for (const std::size_t i : removed()) {
      if (fate(i) == Fate::removed) changes.push_back({.path = package().members()[i].path()});
    }
    for (const auto& [member, path] : renamed()) {
      if (fate(member) == Fate::removed) continue;
      changes.push_back({.path = package().members()[member].path()});
      changes.push_back({.kind = PlaceChange::Kind::added, .path = path});
    }
    if (journal_) journal_->will_change(changes);
    move();
  }

  WrittenPackage finish() override {
    take_over_rest();
    rearrange();
    if (!in_place_) link_and_set_permissions();
    update_records();
    if (journal_) journal_->finish();
    if (!in_place_) {
      fs::permissions(target(), fs::status(root_).permissions());
      expect_all();
      folder_->put_in_place(Unfinished::Over::nothing);
    }
    WrittenPackage written;
    written.path = in_place_ ? root_ : place_;
    return written;
  }

 private:
  struct Name {
    std::size_t name, of;  // members that are one file
  };

  fs::path target() const { return in_place_ ? root_ : fs::path(folder_->path()); }

  // Folders are made from the outside in.
  template <typename Act>
  void each(PackageMember::Kind kind, const Act& act) const {
    std::vector<std::pair<fs::path, std::size_t>> found;
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      if (package().members()[i].kind == kind && fate(i) != Fate::removed) found.emplace_back(new_path(i), i);
    }
    std::ranges::sort(found);
    for (const auto& [path, i] : found) act(i);
  }

  bool is_other_name(std::size_t member) const {
    return std::ranges::binary_search(others_, member, {}, &Name::name);
  }

  void taken(std::size_t member) override {
    if (in_place_ || is_other_name(member)) return;
    const fs::path to = new_file(member);
    if (renamed().contains(member)) create_folders(to.parent_path());
    copy_whole(old_file(member), to);
  }

  // In place it is a new file: its other names in this folder become names of it, at once.
  void replaced(std::size_t member) override {
    if (!in_place_) return;
    for (const Name& other : others_) {
      if (other.of == member && fate(other.name) == Fate::open)
        link_over(old_file(member), old_file(other.name));
    }
  }

  void take_journal(const std::vector<std::string>& unfinished) {
    journal_ = options().journal;
    if (!journal_) journal_ = &own_journal_.emplace(root_);
    for (const std::string& folder : unfinished) {
      if (!folder.empty()) journal_->take_over(folder);
    }
  }

  // Its RECORDs may be out of date, and in the new folder nobody would know.
  void expect_finished(const std::vector<std::string>& unfinished) const {
    if (unfinished.empty()) return;
    throw Error({.what = "a run that changed this folder in place has not ended, or was killed",
                 .where = {.file = (root_ / unfinished[0]).string()},
                 .next = "wait for it, or run it again in place to finish it"});
  }

  void move() const {
    std::vector<fs::path> folders;
    std::error_code ignored;
    for (const std::size_t i : removed()) {
      if (fate(i) != Fate::removed) continue;
      const fs::path path = package().file_of(i);
      if (package().members()[i].kind == PackageMember::Kind::folder) folders.push_back(path);
      else fs::remove(path, ignored);
    }
    std::ranges::sort(folders, std::greater<>());  // from the inside out; one that is not empty stays
    for (const fs::path& folder : folders) fs::remove(folder, ignored);
    for (const auto& [member, path] : renamed()) {
      if (fate(member) == Fate::removed) continue;
      create_folders((root_ / path).parent_path());
      fs::rename(package().file_of(member), root_ / path);
    }
  }

  // Permissions of folders come last: one may be read-only.
  void link_and_set_permissions() {
    for (const Name& other : others_) {
      if (fate(other.name) == Fate::removed || fate(other.name) == Fate::replaced) continue;
      if (renamed().contains(other.name)) create_folders(new_file(other.name).parent_path());
      if (fate(other.of) == Fate::removed) copy_whole(old_file(other.name), new_file(other.name));
      else fs::create_hard_link(new_file(other.of), new_file(other.name));
    }
    each(PackageMember::Kind::folder,
         [&](std::size_t i) { fs::permissions(new_file(i), fs::status(old_file(i)).permissions()); });
  }

  void update_records() const {
    RecordChanges changes{.added = described_};
    for (std::size_t i = 0; i < package().members().size(); ++i) {
      if (package().members()[i].kind != PackageMember::Kind::file) continue;
      if (fate(i) == Fate::replaced) changes.changed.push_back(new_path(i));
      if (fate(i) == Fate::removed) changes.renamed[package().members()[i].path()] = "";
    }
    for (const Name& other : others_) {
      if (fate(other.of) == Fate::replaced && fate(other.name) != Fate::removed &&
          fate(other.name) != Fate::replaced)
        changes.changed.push_back(new_path(other.name));
    }
    for (const auto& [member, path] : renamed()) {
      if (fate(member) != Fate::removed) changes.renamed[package().members()[member].path()] = path;
    }
    add_earlier(changes);
    if (changes.empty()) return;
    std::vector<fs::path> records;
    each(PackageMember::Kind::file, [&](std::size_t i) {
      if (is_installed_record(new_path(i))) records.push_back(target() / new_path(i));
    });
    if (records.empty() && in_place_) records = records_beside(root_);
    update_installed_records(target(), changes, records);
  }

  // What became of what killed runs were going to change is seen in the folder itself.
  void add_earlier(RecordChanges& changes) const {
    std::set<std::string> known(changes.changed.begin(), changes.changed.end());
    for (const PlaceChange& earlier : earlier_changes()) {
      if (!known.insert(earlier.path).second || changes.renamed.contains(earlier.path)) continue;
      std::error_code ignored;
      const fs::file_status now = fs::symlink_status(root_ / earlier.path, ignored);
      if (now.type() == fs::file_type::not_found) changes.renamed[earlier.path] = "";
      if (now.type() != fs::file_type::regular) continue;
      changes.changed.push_back(earlier.path);
      if (earlier.kind == PlaceChange::Kind::added) changes.added.push_back(earlier.path);
    }
  }

  // Somebody may have removed the folder while it was filled: what was written after that alone is not a
  // result.
  void expect_all() {
    bool all = true;
    each(PackageMember::Kind::file,
         [&](std::size_t i) { all = all && fs::exists(fs::symlink_status(new_file(i))); });
    each(PackageMember::Kind::link, [&](std::size_t i) { all = all && fs::is_symlink(new_file(i)); });
    if (!all) throw lost(place_);
  }

  const fs::path root_;
  bool in_place_ = false;
  fs::path place_;
  std::optional<Unfinished> folder_;
  std::vector<Name> others_;  // by name
  std::vector<std::string> described_;
  PlaceJournal* journal_ = nullptr;  // of a folder that is changed in its own place
  std::optional<PlaceJournal> own_journal_;
  bool rearranged_ = false;
};

}  // namespace

extern const PackageKind folder_kind;
constinit const PackageKind folder_kind = {
    .name = "folder",
    .is = [](PathLook& look) { return look.is_folder(); },
    .open = [](PathLook look) -> std::unique_ptr<Package> {
      return std::make_unique<FolderPackage>(look.path());
    },
    .write = [](const Package& package, PackageWriteOptions options) -> std::unique_ptr<PackageWriter> {
      return std::make_unique<FolderWriter>(static_cast<const FolderPackage&>(package), std::move(options));
    },
};

}  // namespace lathe
