// SPDX-License-Identifier: MIT
// Kills carves with SIGKILL at random moments and right before each change of a file's name: a file is
// always the old one or the whole new one, a new folder or wheel is not there or whole, and what was left
// beside it goes with the next carve.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "carve/carve.h"
#include "carve/carve_package.h"
#include "os/file.h"
#include "testing/gpu_libraries.h"
#include "testing/killing.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::forever;
using testing::kill_before_each_change;
using testing::may_trace;
using testing::moments_of;
using testing::run_for;

class KilledCarve : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc")) GTEST_SKIP() << "no gcc on PATH";
    testing::write_parts(folder_, {{{"sm_80", 90'000}, {"sm_90"}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    testing::link_parts(folder_, "first.so");
    options_.targets = parse_carve_targets("9.0");
    old_ = read_file(folder_.path() / "first.so");
    fs::create_directories(place_.parent_path());
  }

  bool carve_for(std::chrono::microseconds delay) {
    return run_for(delay, [this] { carve_file(place_, place_, options_); });
  }

  std::size_t files_beside() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(place_.parent_path()), {})) - 1;
  }

  testing::ScratchFolder folder_;
  const fs::path place_ = folder_.path() / "place/a.so";
  CarveOptions options_;
  std::string old_;
};

TEST_F(KilledCarve, LeavesTheOldFileOrTheWholeNewOneAtManyMoments) {
  write_file_atomically(place_, old_);
  auto moment = moments_of([this] { carve_file(place_, place_, options_); });
  const std::string carved = read_file(place_);
  ASSERT_LT(carved.size(), old_.size());

  std::mt19937 random(20'260'101);
  int as_before = 0, as_after = 0;
  write_file_atomically(place_, old_);
  for (int i = 0; i < 300; ++i) {
    carve_for(std::chrono::microseconds(moment(random)));
    const std::string now = read_file(place_);
    ASSERT_TRUE(now == old_ || now == carved) << "round " << i;
    ASSERT_LE(files_beside(), 1u) << "an earlier leftover was not removed, round " << i;
    (now == old_ ? as_before : as_after) += 1;
    if (now == carved) write_file_atomically(place_, old_);
  }
  EXPECT_GT(as_before, 0);
  EXPECT_GT(as_after, 0);
  int leftovers = 0;
  const auto check = [&] {
    const std::string now = read_file(place_);
    EXPECT_TRUE(now == old_ || now == carved);
    EXPECT_LE(files_beside(), 1u) << "an earlier leftover was not removed";
    leftovers += files_beside() != 0;
  };
  const int changes = kill_before_each_change([&] { write_file_atomically(place_, old_); },
                                              [&] { carve_file(place_, place_, options_); }, check);
  EXPECT_TRUE(!may_trace() || (changes > 0 && leftovers > 0))
      << changes << " changes, " << leftovers << " leftovers";
  ASSERT_TRUE(carve_for(forever));
  EXPECT_EQ(read_file(place_), carved);
  EXPECT_EQ(files_beside(), 0u);
}

using Contents = std::map<std::string, std::string>;  // of files by path, of links what they name

class KilledFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_program("gcc") || !testing::have_program("python3"))
      GTEST_SKIP() << "no gcc or python3 on PATH";
    testing::write_parts(folder_, {{{"sm_80", 90'000}, {"sm_90"}}, {{"sm_75", 50'000}, {"sm_90", 15'000}}});
    fs::create_directories(old_ / "lib");
    for (const char* name : {"lib/a.so", "lib/b.so", "c.so"})
      testing::link_parts(folder_, std::string("old/") + name);
    fs::create_hard_link(old_ / "lib/a.so", old_ / "lib/same.so");
    fs::create_symlink("lib/a.so", old_ / "link.so");
    write_file_atomically(old_ / "text", "text\n");
    fs::create_directories(places_);
    options_.carve.targets = parse_carve_targets("9.0");
  }

  static Contents contents_of(const fs::path& folder) {
    Contents contents;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().lexically_relative(folder).string();
      if (entry.is_symlink()) contents[name] = fs::read_symlink(entry.path()).string();
      else if (entry.is_regular_file()) contents[name] = read_file(entry.path());
    }
    return contents;
  }

  std::vector<std::string> names_in_places() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(places_))
      names.push_back(entry.path().filename().string());
    return names;
  }

  // Carves anew, killed at random moments: `wanted` is not there or whole, and at most one leftover lies
  // beside it.
  void expect_all_or_nothing(const fs::path& place, const std::function<void()>& carve,
                             const std::function<void()>& expect_whole) {
    auto moment = moments_of(carve);
    expect_whole();
    int leftovers = 0;
    const auto prepare = [&] { fs::remove_all(place); };
    const auto check = [&] {
      const bool is_there = fs::exists(place);
      leftovers += names_in_places().size() > (is_there ? 1u : 0u);
      EXPECT_LE(names_in_places().size(), most_beside + is_there) << "earlier leftovers were not removed";
      if (is_there) expect_whole();
    };
    for (int i = 0; i < rounds; ++i) {
      prepare();
      run_for(std::chrono::microseconds(moment(random_)), carve);
      check();
      ASSERT_FALSE(HasFailure()) << "round " << i;
    }
    const int changes = kill_before_each_change(prepare, carve, check);
    EXPECT_TRUE(!may_trace() || (changes > 0 && leftovers > 0))
        << changes << " changes, " << leftovers << " leftovers";
    prepare();
    ASSERT_TRUE(run_for(forever, carve));
    expect_whole();
    EXPECT_EQ(names_in_places().size(), 1u);
  }

  static constexpr int rounds = 60;
  static constexpr std::size_t most_beside = 2;  // a wheel's unpacked libraries, and the new wheel
  testing::ScratchFolder folder_;
  const fs::path old_ = folder_.path() / "old", places_ = folder_.path() / "places";
  CarvePackageOptions options_;
  std::mt19937 random_{20'260'102};
};

TEST_F(KilledFolder, IsNotThereOrWhole) {
  const fs::path place = places_ / "new";
  carve_package(old_, folder_.path() / "reference", options_);
  const Contents wanted = contents_of(folder_.path() / "reference");
  ASSERT_EQ(wanted.size(), 7u);  // with the manifest
  expect_all_or_nothing(
      place, [&] { carve_package(old_, place, options_); },
      [&] {
        EXPECT_TRUE(contents_of(place) == wanted);
        EXPECT_EQ(fs::hard_link_count(place / "lib/a.so"), 2u);
      });
}

TEST_F(KilledFolder, InPlaceHasEachFileOldOrNewAndTheNextCarveFinishes) {
  const fs::path place = places_ / "mine";
  carve_package(old_, folder_.path() / "reference", options_);
  const Contents before = contents_of(old_), after = contents_of(folder_.path() / "reference");
  const auto begin_again = [&] {
    fs::remove_all(place);
    folder_.run("cp -a old places/mine");
  };
  const auto carve = [&] { carve_package(place, place, options_); };
  begin_again();
  auto moment = moments_of(carve);
  int mixed = 0, untouched = 0, split = 0;
  const auto check = [&] {
    const Contents now = contents_of(place);
    int olds = 0, news = 0;
    for (const auto& [name, content] : before) {
      const auto it = now.find(name);
      ASSERT_TRUE(it != now.end()) << name;
      ASSERT_TRUE(it->second == content || it->second == after.at(name)) << name;
      if (content != after.at(name)) (it->second == content ? olds : news) += 1;
    }
    mixed += olds != 0 && news != 0;
    untouched += news == 0;
    ASSERT_TRUE(run_for(forever, carve));
    const Contents finished = contents_of(place);
    for (const auto& [name, content] : before) ASSERT_TRUE(finished.at(name) == after.at(name)) << name;
    split += !fs::equivalent(place / "lib/a.so", place / "lib/same.so");
    for (const auto& [name, content] : finished)
      ASSERT_TRUE(after.contains(name)) << name << " was left behind";
  };
  for (int i = 0; i < rounds; ++i) {
    begin_again();
    run_for(std::chrono::microseconds(moment(random_)), carve);
    check();
    ASSERT_FALSE(HasFailure()) << "round " << i;
  }
  EXPECT_LE(split, rounds / 20) << "a name is given to the new file right after it is in place";
  kill_before_each_change(begin_again, carve, check);
  EXPECT_TRUE(!may_trace() || (mixed > 0 && untouched > 0))
      << mixed << " mixed, " << untouched << " untouched";
}

TEST_F(KilledFolder, AWheelIsNotThereOrWhole) {
  folder_.write("make.py", R"(
import hashlib, base64, zipfile
info = "pkg-1.2.dist-info"
files = {"pkg/a.so": open("old/c.so", "rb").read(), "pkg/b.so": open("old/lib/b.so", "rb").read(),
         info + "/METADATA": b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.2\n",
         info + "/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n"}
def sum(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
record = "".join(f"{n},sha256={sum(d)},{len(d)}\n" for n, d in files.items())
files[info + "/RECORD"] = (record + info + "/RECORD,,\n").encode()
with zipfile.ZipFile("pkg-1.2-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items(): z.writestr(name, data)
)");
  folder_.run("python3 make.py");
  const fs::path wheel = folder_.path() / "pkg-1.2-py3-none-any.whl",
                 place = places_ / "pkg-1.2+sm90-py3-none-any.whl";
  const std::string wanted = read_file(carve_package(wheel, folder_.path() / "reference", options_).path);
  expect_all_or_nothing(
      place, [&] { carve_package(wheel, places_, options_); },
      [&] { EXPECT_TRUE(read_file(place) == wanted); });
}

}  // namespace
}  // namespace lathe
