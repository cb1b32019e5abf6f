// SPDX-License-Identifier: MIT
// A folder: its members are the files, folders and links below it. Links in it are not followed.
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"
#include "package/kinds.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class FolderPackage final : public Package {
 public:
  explicit FolderPackage(fs::path root) : Package(root.string()), root_(std::move(root)) { list(); }

  std::string shown(std::size_t member) const override { return file_of(member).string(); }
  fs::path file_of(std::size_t member) const override { return root_ / members_[member].path; }
  bool describes_itself(std::string_view) const override { return true; }

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
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return unreadable(path.string(), "the file cannot be read");
    PackageMember member{.path = inside(path), .mode = status.st_mode & 07777};
    member.file = {.device = status.st_dev, .inode = status.st_ino};
    if (S_ISREG(status.st_mode)) {
      member.size = static_cast<std::uint64_t>(status.st_size);
    } else if (S_ISDIR(status.st_mode)) {
      member.kind = PackageMember::Kind::folder;
    } else if (S_ISLNK(status.st_mode)) {
      member.kind = PackageMember::Kind::link;
      std::error_code ignored;
      member.link = fs::read_symlink(path, ignored).string();
    } else {
      member.kind = PackageMember::Kind::other;
    }
    members_.push_back(std::move(member));
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
};

}  // namespace

extern const PackageKind folder_kind;
constinit const PackageKind folder_kind = {
    .name = "folder",
    .is = [](PathLook& look) { return look.is_folder(); },
    .open = [](PathLook look) -> std::unique_ptr<Package> {
      return std::make_unique<FolderPackage>(look.path());
    },
};

}  // namespace lathe
