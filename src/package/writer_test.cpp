// SPDX-License-Identifier: MIT
// Each kind that is written: its members taken over, replaced, removed, renamed; killed at random moments and
// before each change of a name.
#include "package/writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "formats/zip.h"
#include "formats/zip_writer.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "package/kinds.h"
#include "package/wheel_names.h"
#include "testing/killing.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::ScratchFolder;

using Contents = std::map<std::string, std::string>;  // by path; of links what they name

struct Opened {
  const PackageKind* kind;
  std::unique_ptr<Package> package;

  explicit Opened(const fs::path& path) {
    PathLook look(path);
    kind = package_kind(look);
    package = kind->open(std::move(look));
  }

  std::unique_ptr<PackageWriter> writer(const fs::path& to) const {
    return kind->write(*package, {.to = to, .threads = 1, .done = "changed"});
  }

  std::size_t member(std::string_view path) const {
    for (std::size_t i = 0; i < package->members().size(); ++i) {
      if (package->members()[i].path() == path) return i;
    }
    ADD_FAILURE() << "no member " << path;
    return 0;
  }

  Contents contents() const {
    Contents all;
    for (std::size_t i = 0; i < package->members().size(); ++i) {
      const PackageMember& member = package->members()[i];
      if (member.kind == PackageMember::Kind::link) all[member.path()] = member.link();
      if (member.kind == PackageMember::Kind::file) all[member.path()] = as_text(package->open(i).bytes());
    }
    return all;
  }
};

const Contents wheel_files = {{"p/a.py", std::string(70'000, 'a')},
                              {"p/b.py", "b = 1\n"},
                              {"p/c.py", "c = 1\n"},
                              {"p-1.dist-info/METADATA", "Name: p\nVersion: 1\n"},
                              {"p-1.dist-info/WHEEL", "Tag: py3-none-any\n"},
                              {"p-1.dist-info/RECORD.jws", "signed"}};

std::string record_of(const Contents& files, const std::string& own) {
  std::map<std::string, RecordedFile> written;
  for (const auto& [path, content] : files)
    written[path] = {.hash = sha256(as_byte_span(content)), .size = content.size()};
  return rewrite_record(own + ",,\n", own, written, [](std::string_view name) { return std::string(name); });
}

class WrittenPackage : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder() / "lib/empty");
    folder_.write("old/lib/a.so", "old a");
    folder_.write("old/b.so", "old b");
    folder_.write("old/c.txt", "old c");
    folder_.write("old/d.txt", "old d");
    fs::create_hard_link(folder() / "lib/a.so", folder() / "z.so");
    fs::create_symlink("lib/a.so", folder() / "link");
    fs::permissions(folder() / "b.so", fs::perms{0750});
    folder_.write("old/p-1.dist-info/RECORD", "");
    write_file_atomically(folder() / "p-1.dist-info/RECORD",
                          record_of({{"b.so", "old b"}, {"c.txt", "old c"}, {"d.txt", "old d"}}, record_));
    fs::create_directories(places_);
    write_wheel();
  }

  void write_wheel() const {
    NewFile file(wheel_);
    ZipWriter zip(file, 1);
    const ZipMember like{.attributes = 0100640u << 16, .time = 0x5c217083, .made_on_unix = true};
    for (const auto& [path, content] : wheel_files) zip.add(like, path, as_byte_span(content));
    zip.add(like, record_, as_byte_span(record_of(wheel_files, record_)));
    zip.finish();
    file.put_in_place(false);
  }

  fs::path folder() const { return folder_.path() / "old"; }

  // b replaced, c removed, d renamed.
  void change_folder(const fs::path& to) const {
    const Opened old(folder());
    const auto writer = old.writer(to);
    writer->remove(old.member("c.txt"));
    writer->rename(old.member("d.txt"), "deep/e.txt");
    writer->begin();
    writer->replace(old.member("b.so"), "new b");
    writer->describe("note.json", "{}");
    writer->finish();
  }

  fs::path change_wheel(const fs::path& to) const {
    const Opened old(wheel_);
    const auto writer = old.writer(to);
    writer->relabel({.version = "1+new", .variant = ""});
    writer->remove(old.member("p/c.py"));
    writer->rename(old.member("p/b.py"), "p/d.py");
    writer->begin();
    const std::size_t b = old.member("p/b.py");
    EXPECT_EQ(read_file(writer->old_file(b)), "b = 1\n");
    write_file_atomically(writer->new_file(b), "b = 2\n");
    writer->replace(b);
    writer->describe("note.json", "{}");
    return writer->finish().path;
  }

  static Contents of_folder(const fs::path& place) { return Opened(place).contents(); }

  Contents changed_folder() const {
    return {{"lib/a.so", "old a"},
            {"z.so", "old a"},
            {"link", "lib/a.so"},
            {"b.so", "new b"},
            {"deep/e.txt", "old d"},
            {"note.json", "{}"},
            {record_, record_of({{"b.so", "new b"}, {"deep/e.txt", "old d"}, {"note.json", "{}"}}, record_)}};
  }

  // Each line is there; in which order, the old RECORD says.
  static void expect_same(Contents now, Contents wanted, const std::string& record) {
    EXPECT_EQ(recorded_paths(now[record]), recorded_paths(wanted[record]));
    for (const std::string_view one : split(wanted[record], '\n'))
      EXPECT_NE(now[record].find(one), std::string::npos) << one << " in " << now[record];
    now.erase(record);
    wanted.erase(record);
    EXPECT_EQ(now, wanted);
  }

  void expect_all_or_nothing(const fs::path& place, const std::function<void()>& write,
                             const std::function<void()>& expect_whole) {
    auto moment = testing::moments_of(write);
    std::mt19937 random(20'261'129);
    const auto prepare = [&] { fs::remove_all(place); };
    const auto check = [&] {
      if (fs::exists(place)) expect_whole();
    };
    for (int i = 0; i < 12; ++i) {
      prepare();
      testing::run_for(std::chrono::microseconds(moment(random)), write);
      check();
      ASSERT_FALSE(HasFailure()) << "round " << i;
    }
    EXPECT_TRUE(!testing::may_trace() || testing::kill_before_each_change(prepare, write, check) > 0);
    prepare();
    ASSERT_TRUE(testing::run_for(testing::forever, write));
    expect_whole();
    EXPECT_EQ(std::distance(fs::directory_iterator(places_), {}), 1) << "leftovers were not removed";
  }

  ScratchFolder folder_;
  const fs::path places_ = folder_.path() / "places", wheel_ = folder_.path() / "p-1-py3-none-any.whl";
  const std::string record_ = "p-1.dist-info/RECORD";
};

TEST_F(WrittenPackage, ANewFolderHasWhatChangedAndAllElseWithItsLinksAndPermissions) {
  const fs::path place = places_ / "new";
  change_folder(place);
  expect_same(of_folder(place), changed_folder(), record_);
  EXPECT_TRUE(fs::equivalent(place / "lib/a.so", place / "z.so"));
  EXPECT_EQ(fs::status(place / "b.so").permissions(), fs::perms{0750});
  EXPECT_TRUE(fs::is_directory(place / "lib/empty"));
  EXPECT_EQ(read_file(folder() / "b.so"), "old b");
  EXPECT_THROW(change_folder(place), Error) << "it is there already";
}

TEST_F(WrittenPackage, AFolderInItsOwnPlaceKeepsTheNamesOfOneFileTogether) {
  const Contents wanted = changed_folder();
  change_folder(folder());
  expect_same(of_folder(folder()), wanted, record_);
  const Opened old(folder());
  const auto writer = old.writer(folder());
  writer->begin();
  writer->replace(old.member("lib/a.so"), "new a");
  writer->finish();
  EXPECT_EQ(read_file(folder() / "z.so"), "new a");
  EXPECT_TRUE(fs::equivalent(folder() / "lib/a.so", folder() / "z.so"));
}

TEST_F(WrittenPackage, AWheelSaysWhatItHoldsNow) {
  const fs::path place = change_wheel(places_);
  EXPECT_EQ(place.filename(), "p-1+new-py3-none-any.whl");
  const std::string info = "p-1+new.dist-info/";
  Contents wanted = {{"p/a.py", wheel_files.at("p/a.py")},
                     {"p/d.py", "b = 2\n"},
                     {info + "METADATA", "Name: p\nVersion: 1+new\n"},
                     {info + "WHEEL", "Tag: py3-none-any\n"},
                     {info + "note.json", "{}"}};
  wanted[info + "RECORD"] = record_of(wanted, info + "RECORD");
  expect_same(Opened(place).contents(), wanted, info + "RECORD");
  EXPECT_EQ(Opened(place).package->members()[0].mode, 0640u);
  EXPECT_THROW(change_wheel(places_), Error) << "it is there already";
}

TEST_F(WrittenPackage, AMemberThatIsTakenOverIsNotPackedAgain) {
  const auto packed_of = [](const fs::path& path, std::string_view name) {
    const MappedFile map = MappedFile::open(path);
    for (const ZipMember& member : read_zip(map.bytes(), "").members) {
      if (member.name == name) return std::string(as_text(member.packed));
    }
    return std::string("none");
  };
  EXPECT_EQ(packed_of(change_wheel(places_), "p/a.py"), packed_of(wheel_, "p/a.py"));
}

TEST_F(WrittenPackage, WithoutFinishNothingIsLeft) {
  for (const fs::path& path : {folder(), wheel_}) {
    const Opened old(path);
    const auto writer = old.writer(places_ / "deep/new");
    if (const auto label = writer->label()) writer->relabel(*label);
    writer->begin();
    writer->old_file(0);
  }
  EXPECT_TRUE(!fs::exists(places_ / "deep") || fs::is_empty(places_ / "deep"));
}

TEST_F(WrittenPackage, KilledAFolderIsNotThereOrWhole) {
  const Contents wanted = changed_folder();
  expect_all_or_nothing(
      places_ / "new", [&] { change_folder(places_ / "new"); },
      [&] { expect_same(of_folder(places_ / "new"), wanted, record_); });
}

TEST_F(WrittenPackage, KilledAWheelIsNotThereOrWhole) {
  const std::string wanted = read_file(change_wheel(folder_.path() / "reference"));
  const fs::path place = places_ / "p-1+new-py3-none-any.whl";
  expect_all_or_nothing(
      place, [&] { change_wheel(places_); }, [&] { EXPECT_TRUE(read_file(place) == wanted); });
}

}  // namespace
}  // namespace lathe
