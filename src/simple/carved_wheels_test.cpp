// SPDX-License-Identifier: MIT
// The cache and the site, with small wheels that gcc and Python make.
#include "simple/carved_wheels.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "os/file.h"
#include "simple/cache_size.h"
#include "simple/export_site.h"
#include "simple/package_index.h"
#include "simple/project_page.h"
#include "simple/wheel_folder.h"
#include "testing/gpu_libraries.h"
#include "testing/killing.h"
#include "testing/scratch_folder.h"
#include "testing/test_paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class WheelIndex : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"gcc", "python3"}) {
      if (!testing::have_program(program)) GTEST_SKIP() << "no " << program << " on PATH";
    }
    testing::write_parts(folder_, {{{"sm_80", 90'000}, {"sm_90"}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    testing::link_parts(folder_, "libfast.so");
    add("fast", "1.0", "libfast.so");
    add("plain", "2.0");
  }

  void add(const std::string& name, const std::string& version, const std::string& library = "") const {
    folder_.run("python3 " + std::string(testing::source_folder) + "/tests/small_wheel.py wheels " + name +
                " " + version + " " + library);
  }
  SourceWheel wheel(const std::string& file) const {
    SourceWheel read = read_source_wheel(wheels_ / file);
    read.sha256 = sha256_of_file(read.path);
    return read;
  }
  SourceWheel fast() const { return wheel("fast-1.0-py3-none-any.whl"); }
  Exported export_to(const std::string& site) const {
    return export_site(
        {.wheels = wheels_, .site = folder_.path() / site, .targets = parse_carve_targets("9.0,8.0")});
  }

  testing::ScratchFolder folder_;
  const fs::path wheels_ = folder_.path() / "wheels", cache_ = folder_.path() / "cache";
  const CarveOrder order_{.target = parse_carve_targets("9.0")[0]};
};

using Files = std::map<std::string, std::string>;
Files files_below(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).string()] = read_file(entry.path());
  }
  return files;
}

// Each record is true: the file that it names is there, whole, and is what a carve makes.
void expect_right(const fs::path& cache, const std::string& carved_sum) {
  for (const auto& entry : fs::recursive_directory_iterator(cache / "files")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(sha256_of_file(entry.path()), entry.path().parent_path().filename());
    EXPECT_EQ(entry.path().parent_path().filename(), carved_sum);
  }
  for (const auto& entry : fs::directory_iterator(cache / "records")) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_NE(read_file(entry.path()).find(carved_sum), std::string::npos);
    EXPECT_TRUE(fs::exists(cache / "files" / carved_sum));
  }
}

TEST_F(WheelIndex, KeepsNameAndMetadataInARootForOneGpu) {
  CarvedWheels kept(cache_);
  EXPECT_FALSE(kept.known(fast(), order_));
  const WheelRecord record = kept.carve(fast(), order_);
  ASSERT_TRUE(record.carved()) << record.because;
  EXPECT_EQ(record.name, "fast-1.0-py3-none-any.whl");
  EXPECT_LT(record.size, fast().size);
  EXPECT_EQ(record.metadata_sha256, fast().metadata_sha256);
  EXPECT_EQ(sha256_of_file(kept.file(record)), record.sha256);
  const WheelRecord local = kept.carve(fast(), {.target = order_.target, .naming = Naming::local});
  EXPECT_EQ(local.name, "fast-1.0+sm90-py3-none-any.whl");
  EXPECT_EQ(kept.carve(fast(), {.target = order_.target, .naming = Naming::variant}).name,
            "fast-1.0-py3-none-any-sm90.whl");
}

TEST_F(WheelIndex, PassesThroughWhatHasNothingToCarve) {
  CarvedWheels kept(cache_);
  EXPECT_FALSE(kept.carve(wheel("plain-2.0-py3-none-any.whl"), order_).carved());
  const CarveOrder for_another{.target = parse_carve_targets("12.0")[0]};
  const WheelRecord none = kept.carve(fast(), for_another);
  EXPECT_FALSE(none.carved());
  EXPECT_NE(none.because.find("12.0"), std::string::npos) << none.because;
  EXPECT_FALSE(kept.would_carve(fast(), for_another.target));
  EXPECT_TRUE(kept.would_carve(fast(), order_.target));
}

TEST_F(WheelIndex, CarvesOnceForAllWhoAsk) {
  std::vector<std::thread> threads;
  std::vector<std::string> sums(8);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    threads.emplace_back([&, i] {
      CarvedWheels kept(cache_);  // as a server of its own
      sums[i] = kept.carve(fast(), order_).sha256;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& sum : sums) EXPECT_EQ(sum, sums[0]);
  EXPECT_EQ(std::distance(fs::directory_iterator(cache_ / "files"), {}), 1);
  EXPECT_TRUE(fs::is_empty(cache_ / "work"));
}

TEST_F(WheelIndex, CarvesAgainWhatWasDeletedToTheSameBytes) {
  const std::string sum = CarvedWheels(cache_).carve(fast(), order_).sha256;
  fs::remove_all(cache_ / "files");
  EXPECT_EQ(CarvedWheels(cache_).carve(fast(), order_).sha256, sum);
  fs::remove_all(cache_);
  EXPECT_EQ(CarvedWheels(cache_).carve(fast(), order_).sha256, sum);
  for (const auto& entry : fs::directory_iterator(cache_ / "records"))
    std::ofstream(entry.path()) << "{\"format\": 5";
  EXPECT_EQ(CarvedWheels(cache_).carve(fast(), order_).sha256, sum);
}

TEST_F(WheelIndex, DoesNotRecordAWheelThatChangedMeanwhile) {
  SourceWheel old = fast();
  add("fast", "1.0");
  CarvedWheels kept(cache_);
  EXPECT_THROW(kept.carve(old, order_), Error);
  EXPECT_FALSE(kept.known(old, order_));
  EXPECT_TRUE(fs::is_empty(cache_ / "files"));
}

TEST_F(WheelIndex, IsRightWheneverItIsKilled) {
  const std::string sum = CarvedWheels(cache_).carve(fast(), order_).sha256;
  const SourceWheel source = fast();
  const auto prepare = [&] { fs::remove_all(cache_); };
  const auto carve = [&] { CarvedWheels(cache_).carve(source, order_); };
  const auto check = [&] {
    if (!fs::exists(cache_ / "locks")) return;
    expect_right(cache_, sum);
    EXPECT_EQ(CarvedWheels(cache_).carve(source, order_).sha256, sum);
    EXPECT_TRUE(fs::is_empty(cache_ / "work"));
    expect_right(cache_, sum);
  };
  const int changes = testing::kill_before_each_change(prepare, carve, check);
  EXPECT_TRUE(!testing::may_trace() || changes > 3) << changes;
  prepare();
  auto moment = testing::moments_of(carve);
  std::mt19937 random(20'261'129);
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    prepare();
    testing::run_for(std::chrono::microseconds(moment(random)), carve);
    check();
  }
}

TEST_F(WheelIndex, NeverTellsAHashThatIsNotKnown) {
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  const Root& root = index.roots()[0];
  ProjectPage page = *index.page(root, "fast");
  ASSERT_EQ(page.files.size(), 1u);
  EXPECT_EQ(page.files[0].url, "../../wheels/fast/fast-1.0-py3-none-any.whl");
  EXPECT_TRUE(page.files[0].sha256.empty() && !page.files[0].size);
  const auto sent = index.wheel(root, "fast", "fast-1.0-py3-none-any.whl");
  ASSERT_TRUE(sent);
  EXPECT_FALSE(sent->final);
  page = *index.page(root, "fast");
  EXPECT_EQ(page.files[0].sha256, sha256_of_file(sent->file));
  EXPECT_EQ(page.files[0].url, "../../../files/" + page.files[0].sha256 + "/fast-1.0-py3-none-any.whl");
  EXPECT_EQ(index.content(page.files[0].sha256, "fast-1.0-py3-none-any.whl")->file, sent->file);
  EXPECT_FALSE(index.content(page.files[0].sha256, "other-1.0-py3-none-any.whl"));
  EXPECT_FALSE(index.wheel(root, "fast", "fast-2.0-py3-none-any.whl"));
  EXPECT_FALSE(index.page(root, "nothing"));
  const auto metadata = index.content(page.files[0].sha256, "fast-1.0-py3-none-any.whl.metadata");
  EXPECT_EQ(metadata->sha256, page.files[0].metadata_sha256);
}

TEST_F(WheelIndex, TellsTheMetadataOfALocalVersionBeforeItIsCarved) {
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  const Root& all = index.roots()[1];
  const ProjectPage page = *index.page(all, "fast");
  ASSERT_EQ(page.files.size(), 2u);
  EXPECT_EQ(page.files[0].sha256, fast().sha256);
  EXPECT_EQ(page.files[1].name, "fast-1.0+sm90-py3-none-any.whl");
  EXPECT_EQ(index.page(all, "plain")->files.size(), 1u);
  const auto metadata = index.wheel(all, "fast", page.files[1].name + ".metadata");
  EXPECT_EQ(metadata->sha256, page.files[1].metadata_sha256);
  index.wheel(all, "fast", page.files[1].name);
  EXPECT_EQ(index.page(all, "fast")->files[1].metadata_sha256, page.files[1].metadata_sha256);
}

TEST_F(WheelIndex, SeesWheelsThatCome) {
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  EXPECT_EQ(index.projects().size(), 2u);
  add("third", "1.0");
  folder_.write("wheels/odd-1.0-py3-none-any.whl", "no wheel");
  EXPECT_EQ(index.projects().size(), 3u);
  EXPECT_EQ(folder.wheels()->left_out.size(), 1u);
  folder_.run("cp wheels/plain-2.0-py3-none-any.whl wheels/false-2.0-py3-none-any.whl");
  EXPECT_EQ(folder.wheels()->left_out.size(), 2u) << "a wheel under another's name";
  folder_.run(
      "cp wheels/third-1.0-py3-none-any.whl third && cat third > wheels/third-1.0-py3-none-any.whl && "
      "printf x > wheels/plain-2.0-py3-none-any.whl");  // the folder itself stays as it was
  EXPECT_EQ(folder.wheels()->left_out.size(), 3u) << "a wheel that is written over";
  folder_.run("cat wheels/false-2.0-py3-none-any.whl > wheels/plain-2.0-py3-none-any.whl");
  EXPECT_EQ(folder.wheels()->left_out.size(), 2u) << "one that was still being copied";
}

TEST_F(WheelIndex, SendsTheWheelAsItCameWhereTheDiskIsFull) {
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  fs::remove(cache_ / "work");
  folder_.write("cache/work", "a file where a folder should be");
  const auto sent = index.wheel(index.roots()[0], "fast", "fast-1.0-py3-none-any.whl");
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->sha256, fast().sha256);
  EXPECT_TRUE(sent->note.starts_with("not carved")) << sent->note;
  EXPECT_FALSE(sent->final);
  EXPECT_THROW(index.wheel(index.roots()[1], "fast", "fast-1.0+sm90-py3-none-any.whl"), Error);
  EXPECT_TRUE(index.page(index.roots()[0], "fast")->files[0].sha256.empty());
}

TEST_F(WheelIndex, IsTheSameSiteTwice) {
  export_to("one");
  export_to("two");
  const Files one = files_below(folder_.path() / "one"), two = files_below(folder_.path() / "two");
  EXPECT_EQ(one, two);
  EXPECT_EQ(folder_.run("cd one && sha256sum --quiet -c SHA256SUMS"), "");
  EXPECT_EQ(export_to("one").written, 0u);
}

TEST_F(WheelIndex, ChangesOnlyThePagesOfAWheelThatComes) {
  export_to("site");
  const Files before = files_below(folder_.path() / "site");
  add("plain", "2.1");
  export_to("site");
  const Files after = files_below(folder_.path() / "site");
  for (const auto& [path, text] : before) {
    const bool may_change =
        path.find("/plain/") != std::string::npos || path == "manifest.json" || path == "SHA256SUMS";
    EXPECT_TRUE(may_change || after.at(path) == text) << path;
  }
  fs::remove(wheels_ / "plain-2.1-py3-none-any.whl");
  EXPECT_GT(export_to("site").removed, 0u);
  EXPECT_EQ(files_below(folder_.path() / "site"), before);
  add("plain", "2.1");
  export_to("new");
  EXPECT_EQ(files_below(folder_.path() / "new"), after) << "however it came about";
}

TEST_F(WheelIndex, DoesNotWriteIntoAFolderOfSomethingElse) {
  folder_.run("mkdir mine && echo mine > mine/text");
  EXPECT_THROW(export_to("mine"), Error);
  folder_.run("mkdir other && echo '{\"files\": []}' > other/manifest.json");
  EXPECT_THROW(export_to("other"), Error);
  EXPECT_EQ(files_below(folder_.path() / "mine").size(), 1u);
}

TEST_F(WheelIndex, IsFinishedByTheNextExportWhenOneIsKilled) {
  export_to("whole");
  const Files whole = files_below(folder_.path() / "whole");
  const auto action = [&] { export_to("site"); };
  auto moment = testing::moments_of(action);
  std::mt19937 random(20'261'130);
  for (int i = 0; i < 8; ++i) {
    fs::remove_all(folder_.path() / "site");
    testing::run_for(std::chrono::microseconds(moment(random)), action);
    if (!fs::exists(folder_.path() / "site")) continue;
    for (const auto& [path, text] : files_below(folder_.path() / "site")) {
      const bool page = path.find("simple/") != std::string::npos && path.ends_with(".html");
      EXPECT_TRUE(!page || text == whole.at(path)) << path;
    }
    action();
    ASSERT_EQ(files_below(folder_.path() / "site"), whole) << "round " << i;
  }
}

TEST(CacheSizes, AreReadInDecimalUnits) {
  EXPECT_EQ(parse_cache_size("20GB"), 20'000'000'000u);
  EXPECT_EQ(parse_cache_size("1.5 TB"), 1'500'000'000'000u);
  EXPECT_EQ(parse_cache_size("500M"), 500'000'000u);
  EXPECT_EQ(parse_cache_size("12kB"), 12'000u);
  EXPECT_EQ(parse_cache_size("1073741824"), 1'073'741'824u);
  for (const char* text : {"", "0", "-1GB", "GB", "12 parsecs", "1e30", "nan", "inf", "5GBB"})
    EXPECT_FALSE(parse_cache_size(text)) << text;
}

// Times of change cannot be set, so what is used is told here by the folder's time alone.
TEST_F(WheelIndex, LetsGoOfWhatWasUsedLeastRecently) {
  for (const char* sum : {"a", "b", "c"})
    folder_.write(std::string("cache/files/") + sum + "/x.whl", "0123456789");
  EXPECT_EQ(make_room(cache_, 30), 0u) << "there is room";
  EXPECT_EQ(make_room(cache_, 10), 0u) << "all of it is new";
  const auto later = [&] { return std::time(nullptr) + 600; };
  const auto use = [&](const std::string& sum, int minutes) {
    fs::last_write_time(cache_ / "files" / sum,
                        fs::file_time_type::clock::now() + std::chrono::minutes(minutes));
  };
  use("a", 5);
  use("b", 3);
  EXPECT_EQ(make_room(cache_, 25, later()), 10u);
  EXPECT_FALSE(fs::exists(cache_ / "files/c")) << "its folder goes too";
  EXPECT_EQ(make_room(cache_, 10, later()), 10u);
  EXPECT_FALSE(fs::exists(cache_ / "files/b/x.whl"));
  note_use(cache_ / "files/a/x.whl");
  EXPECT_EQ(make_room(cache_, 1), 0u) << "it is in use";
}

TEST_F(WheelIndex, MakesAgainWhatThePageHasPromised) {
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  for (const Naming naming : {Naming::same, Naming::local}) {
    const WheelRecord record = kept.carve(fast(), {.target = order_.target, .naming = naming});
    fs::remove_all(cache_ / "files");
    const auto again = index.content(record.sha256, record.name);
    ASSERT_TRUE(again);
    EXPECT_EQ(sha256_of_file(again->file), record.sha256);
    EXPECT_FALSE(index.content(std::string(64, '0'), record.name));
  }
}

TEST_F(WheelIndex, CarvesOnceForAllNames) {
  CarvedWheels kept(cache_);
  const WheelRecord same = kept.carve(fast(), order_);
  const auto library_in = [&](const WheelRecord& record) {
    return folder_.run(
        "python3 -c \"import zipfile, sys; print(__import__('hashlib').sha256(zipfile.ZipFile("
        "sys.argv[1]).read('fast/libfast.so')).hexdigest())\" " +
        kept.file(record).string());
  };
  for (const Naming naming : {Naming::local, Naming::variant}) {
    const WheelRecord record = kept.carve(fast(), {.target = order_.target, .naming = naming});
    EXPECT_EQ(library_in(record), library_in(same));
    const std::string folder = naming == Naming::local ? "fast-1.0+sm90.dist-info" : "fast-1.0.dist-info";
    EXPECT_EQ(folder_.run("python3 " + std::string(testing::source_folder) + "/tests/wheel_record.py " +
                          kept.file(record).string()),
              folder + ": right\n");
  }
  EXPECT_NE(dist_info_text(kept.file(kept.carve(fast(), {.target = order_.target, .naming = Naming::local})),
                           "METADATA")
                .find("Version: 1.0+sm90\n"),
            std::string::npos);
  EXPECT_NE(
      dist_info_text(kept.file(kept.carve(fast(), {.target = order_.target, .naming = Naming::variant})),
                     "variant.json")
          .find("90_real"),
      std::string::npos);
  EXPECT_THROW(kept.carve({.path = "gone.whl", .name = fast().name, .sha256 = std::string(64, 'a')}, order_),
               Error);
}

void write_archive(const testing::ScratchFolder& folder, const std::string& path, const std::string& info) {
  folder.write("stem/PKG-INFO", info);
  folder.write("stem/setup.py", "x");
  folder.write("stem/tests/PKG-INFO", "Name: another");
  folder.run("mkdir -p $(dirname " + path + ") && tar czf " + path +
             " stem/tests stem/setup.py stem/PKG-INFO");
}

TEST_F(WheelIndex, OffersSourceArchivesAsTheyAre) {
  write_archive(folder_, "wheels/zope-interface-5.0.tar.gz",
                "Name: Zope.Interface\nVersion: 5.0\nRequires-Python: >=3.9\n");
  write_archive(folder_, "wheels/false-5.0.tar.gz", "Name: another\nVersion: 5.0\n");
  folder_.write("wheels/odd-1.0.tar.gz", "no archive");
  CarvedWheels kept(cache_);
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  EXPECT_EQ(folder.wheels()->left_out.size(), 2u);
  for (const Root& root : index.roots()) {
    const ProjectPage page = *index.page(root, "zope-interface");
    ASSERT_EQ(page.files.size(), 1u);
    EXPECT_EQ(page.files[0].requires_python, ">=3.9");
    EXPECT_EQ(page.files[0].sha256, sha256_of_file(wheels_ / "zope-interface-5.0.tar.gz"));
    EXPECT_FALSE(page.files[0].has_metadata);
    EXPECT_EQ(index.content(page.files[0].sha256, page.files[0].name)->file, wheels_ / page.files[0].name);
    EXPECT_FALSE(index.content(page.files[0].sha256, page.files[0].name + ".metadata"));
  }
  const Exported site = export_to("site");
  EXPECT_EQ(site.projects, 3u);
  EXPECT_EQ(
      folder_.run("cd site && sha256sum --quiet -c SHA256SUMS && ls files/*/zope*"),
      "files/" + sha256_of_file(wheels_ / "zope-interface-5.0.tar.gz") + "/zope-interface-5.0.tar.gz\n");
}

TEST_F(WheelIndex, ReadsSubFolders) {
  folder_.run(
      "mkdir -p wheels/deep/er wheels/.hidden && mv wheels/fast-1.0-py3-none-any.whl wheels/deep/er && "
      "cp wheels/plain-2.0-py3-none-any.whl wheels/deep && cp wheels/plain-2.0-py3-none-any.whl "
      "wheels/.hidden/p-1-py3-none-any.whl "
      "&& ln -s . wheels/loop");
  CarvedWheels kept(wheels_ / "cache");
  WheelFolder folder(wheels_, kept);
  FolderIndex index(folder, kept, {order_.target});
  EXPECT_EQ(index.projects(), (std::vector<std::string>{"fast", "plain"}));
  EXPECT_TRUE(folder.wheels()->left_out.empty()) << "twins with the same bytes";
  ASSERT_TRUE(index.wheel(index.roots()[0], "fast", "fast-1.0-py3-none-any.whl"));
  EXPECT_EQ(index.page(index.roots()[0], "fast")->files.size(), 1u) << "the cache is not entered";
  folder_.run("python3 " + std::string(testing::source_folder) +
              "/tests/small_wheel.py wheels/deep plain 2.0 --padding 9");
  EXPECT_EQ(folder.wheels()->left_out.size(), 1u)
      << "a twin with other bytes, in a folder that stays as it is";
  EXPECT_EQ(index.page(index.roots()[0], "plain")->files.size(), 1u);
}

}  // namespace
}  // namespace lathe
