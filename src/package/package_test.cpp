// SPDX-License-Identifier: MIT
#include "package/package.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "base/error.h"
#include "formats/zip_writer.h"
#include "os/file.h"
#include "os/new_file.h"
#include "package/kinds.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

struct Content {
  std::string path, bytes;
};

void write_zip(const fs::path& place, const std::vector<Content>& members) {
  NewFile file(place);
  ZipWriter writer(file, 1);
  for (const Content& member : members)
    writer.add({.attributes = 0100644u << 16, .made_on_unix = true}, member.path, as_byte_span(member.bytes));
  writer.finish();
  file.put_in_place(false);
}

std::string_view kind_of(const fs::path& path) {
  PathLook look(path);
  const PackageKind* kind = package_kind(look);
  return kind ? kind->name : "file";
}

std::unique_ptr<Package> open(const fs::path& path) {
  PathLook look(path);
  return package_kind(look)->open(std::move(look));
}

std::size_t member_of(const Package& package, std::string_view path) {
  for (std::size_t i = 0; i < package.members().size(); ++i) {
    if (package.members()[i].path() == path) return i;
  }
  ADD_FAILURE() << "no member " << path;
  return 0;
}

std::string text_of(const Package& package, std::size_t member) {
  std::string text;
  package.read(member, [&](ByteSpan bytes) {
    text += as_text(bytes);
    return true;
  });
  return text;
}

// Leaves out the first run of 'x' that is longer than a page.
class LeaveOutX final : public LeaveOut {
 public:
  explicit LeaveOutX(bool right) : right_(right) {}
  std::string_view what() const override { return "x"; }
  ByteRange ahead(ByteSpan memory, std::uint64_t filled) override {
    const bool now = !told_ && as_text(memory)[filled - 1] == 'x';
    told_ |= now;
    return now ? ByteRange{filled, 20'000} : ByteRange{0, 0};
  }
  bool was_right(ByteSpan, const ByteRanges&) override { return right_; }

 private:
  bool right_, told_ = false;
};

TEST(Package, WhatAPathIsIsToldByItsBytes) {
  ScratchFolder scratch;
  scratch.write("text.whl", "no zip");
  write_zip(scratch.path() / "a.zip", {{"a.txt", "a"}});
  write_zip(scratch.path() / "wheel.zip", {{"p/a.py", "a"}, {"p-1.dist-info/RECORD", ""}});
  write_zip(scratch.path() / "empty.whl", {{"a.txt", "a"}});
  EXPECT_EQ(kind_of(scratch.path()), "folder");
  EXPECT_EQ(kind_of(scratch.path() / "text.whl"), "file");
  EXPECT_EQ(kind_of(scratch.path() / "a.zip"), "zip archive");
  EXPECT_EQ(kind_of(scratch.path() / "wheel.zip"), "wheel");
  EXPECT_EQ(kind_of(scratch.path() / "empty.whl"), "wheel");
  EXPECT_THROW(PathLook(scratch.path() / "nothing"), Error);
  ASSERT_EQ(::mkfifo((scratch.path() / "fifo").c_str(), 0600), 0);
  EXPECT_THROW(PathLook(scratch.path() / "fifo").expect_file_or_folder(), Error);
  EXPECT_EQ(kind_of(scratch.path() / "fifo"), "file");
}

TEST(Package, AFolderListsFilesFoldersAndLinksAndKnowsTwoNamesOfOneFile) {
  ScratchFolder scratch;
  fs::create_directories(scratch.path() / "lib");
  scratch.write("lib/a.so", "abc");
  fs::create_hard_link(scratch.path() / "lib/a.so", scratch.path() / "b.so");
  fs::create_symlink("lib/a.so", scratch.path() / "c.so");
  const auto package = open(scratch.path());
  ASSERT_EQ(package->members().size(), 4u);
  const PackageMember& a = package->members()[member_of(*package, "lib/a.so")];
  const PackageMember& b = package->members()[member_of(*package, "b.so")];
  const PackageMember& c = package->members()[member_of(*package, "c.so")];
  EXPECT_EQ(a.size, 3u);
  EXPECT_EQ(a.file(), b.file());
  EXPECT_NE(a.file(), FileIdentity{});
  EXPECT_EQ(c.kind, PackageMember::Kind::link);
  EXPECT_EQ(c.link(), "lib/a.so");
  EXPECT_EQ(package->members()[member_of(*package, "lib")].kind, PackageMember::Kind::folder);
  EXPECT_EQ(text_of(*package, member_of(*package, "b.so")), "abc");
  EXPECT_EQ(package->part(member_of(*package, "b.so"), 1, 9), "bc");
  EXPECT_EQ(package->part(member_of(*package, "b.so"), 5, 9), "");
  EXPECT_NE(package->open(member_of(*package, "b.so")).disk(), nullptr);
}

TEST(Package, AMemberIsReadInPartOrWhole) {
  ScratchFolder scratch;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += std::to_string(i);
  write_zip(scratch.path() / "a.zip", {{"big", bytes}, {"none", ""}});
  const auto package = open(scratch.path() / "a.zip");
  EXPECT_EQ(package->start(0), bytes.substr(0, look_size));
  EXPECT_EQ(package->part(0, 300'000, 7), bytes.substr(300'000, 7));
  EXPECT_EQ(package->part(0, bytes.size() - 3, 7), bytes.substr(bytes.size() - 3));
  EXPECT_EQ(package->part(0, bytes.size(), 7), "");
  EXPECT_EQ(package->start(1), "");
  EXPECT_EQ(as_text(package->open(0).bytes()), bytes);
  EXPECT_EQ(package->shown(0), (scratch.path() / "a.zip").string() + "/big");
}

TEST(Package, WhatIsLeftOutReadsAsZerosAndIsStillHashed) {
  ScratchFolder scratch;
  const std::string bytes = "head" + std::string(19'996, 'x') + "tail";
  write_zip(scratch.path() / "a.zip", {{"a", bytes}});
  const auto package = open(scratch.path() / "a.zip");
  LeaveOutX leave_out(true);
  Sha256Stream hash;
  const MemberContent content = package->open(0, {.leave_out = &leave_out, .hash = &hash});
  EXPECT_EQ(content.absent(), (ByteRanges{{4096, 20'000}}));
  EXPECT_EQ(as_text(content.bytes()), bytes.substr(0, 4096) + std::string(15'904, '\0') + "tail");
  EXPECT_EQ(hash.finish(), sha256(as_byte_span(bytes)));
}

TEST(Package, WhatWasLeftOutWronglyIsUnpackedAgain) {
  ScratchFolder scratch;
  const std::string bytes = "head" + std::string(19'996, 'x') + "tail";
  write_zip(scratch.path() / "a.zip", {{"a", bytes}});
  const auto package = open(scratch.path() / "a.zip");
  LeaveOutX leave_out(false);
  const MemberContent content = package->open(0, {.leave_out = &leave_out});
  EXPECT_TRUE(content.absent().empty());
  EXPECT_EQ(as_text(content.bytes()), bytes);
}

TEST(Package, APackageInAPackageIsOneOnceMore) {
  ScratchFolder scratch;
  write_zip(scratch.path() / "inner.zip", {{"a.txt", "in the inner one"}});
  write_zip(scratch.path() / "outer.zip", {{"inner.zip", read_file(scratch.path() / "inner.zip")}});
  const auto outer = open(scratch.path() / "outer.zip");
  const MemberContent content = outer->open(0);
  const PackageKind* kind = package_kind_inside(content.bytes());
  ASSERT_NE(kind, nullptr);
  const auto inner = kind->open_inside(content.bytes(), outer->shown(0));
  EXPECT_EQ(inner->shown(0), outer->name() + "/inner.zip/a.txt");
  EXPECT_EQ(text_of(*inner, 0), "in the inner one");
  EXPECT_EQ(package_kind_inside(as_byte_span("no package, but long enough to be one")), nullptr);
}

}  // namespace
}  // namespace lathe
