// SPDX-License-Identifier: MIT
// Recipes, runs, the store, and originals that come back; hostile side files; kills.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/deflate_again.h"
#include "formats/streams/splice.h"
#include "formats/zip.h"
#include "formats/zip_read.h"
#include "formats/zip_writer.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "os/new_file.h"
#include "os/temporary_folder.h"
#include "side/delta.h"
#include "side/recipe.h"
#include "side/restore.h"
#include "side/side_file.h"
#include "side/staged.h"
#include "side/write_side.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string rebuilt(const std::string& original, const std::string& slim) {
  std::string out;
  for (const DeltaRun& run : delta(as_byte_span(original), as_byte_span(slim))) {
    EXPECT_EQ(run.at, out.size());
    out += run.kept ? slim.substr(run.slim_at, run.size) : original.substr(run.at, run.size);
  }
  return out;
}

std::uint64_t kept_bytes(const std::string& original, const std::string& slim) {
  std::uint64_t kept = 0;
  for (const DeltaRun& run : delta(as_byte_span(original), as_byte_span(slim)))
    kept += run.kept ? run.size : 0;
  return kept;
}

Restored restore_from(const fs::path& slim, const fs::path& side, const fs::path& to) {
  const MappedFile map = MappedFile::open(side);
  return restore(slim, SideContent(map.bytes(), side.string()), {.to = to});
}

std::string failure_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.text();
  }
  return "";
}

TEST(Side, RunsAreFoundWhereverTheyMovedTo) {
  const std::string a = noise(70'001, 1), b = noise(50'003, 2), c = noise(90'007, 3), d = noise(300, 4);
  EXPECT_EQ(rebuilt(a + b + c, a + c), a + b + c);
  EXPECT_GE(kept_bytes(a + b + c, a + c), a.size() + c.size());
  EXPECT_EQ(rebuilt(a + b + c, c + d + a), a + b + c);
  EXPECT_GE(kept_bytes(a + b + c, c + d + a), a.size() + c.size() - 1000);
  std::string patched = a + b;
  patched[40'000] ^= 1;
  EXPECT_EQ(rebuilt(a + b, patched), a + b);
  EXPECT_GE(kept_bytes(a + b, patched), a.size() + b.size() - 200);
  for (const std::string& other : {std::string(), d, std::string(100'000, '\0')}) {
    EXPECT_EQ(rebuilt(a, other), a);
    EXPECT_EQ(rebuilt(other, a), other);
  }
}

TEST(Side, RecipesAreReadAsTheyWereWrittenAndNothingElse) {
  const Recipe recipe = {{Step::From::slim, 0, 1000},  {Step::From::store, 500, 3},
                         {Step::From::slim, 5000, 70}, {Step::From::store, 0, 20},
                         {Step::From::member, 1, 9},   {Step::From::member, 0, 4}};
  const std::string bytes = encode(recipe);
  const RecipeLimits limits{.size = 1106, .slim = 5070, .store = 503, .members = 2};
  EXPECT_EQ(decode_recipe(as_byte_span(bytes), limits), recipe);
  for (const auto change : {+[](RecipeLimits& l) { ++l.size; }, +[](RecipeLimits& l) { --l.size; },
                            +[](RecipeLimits& l) { --l.slim; }, +[](RecipeLimits& l) { --l.store; },
                            +[](RecipeLimits& l) { --l.members; }}) {
    RecipeLimits other = limits;
    change(other);
    EXPECT_THROW(decode_recipe(as_byte_span(bytes), other), Error);
  }
  EXPECT_THROW(decode_recipe(as_byte_span(bytes.substr(0, bytes.size() - 1)), limits), Error);
}

std::string packed_by(const ZlibSettings& settings, const std::string& content) {
  std::string packed;
  ZlibDeflate deflate(settings, [&](ByteSpan bytes) { packed += as_text(bytes); });
  deflate.add(as_byte_span(content).first(content.size() / 3));
  deflate.add(as_byte_span(content).subspan(content.size() / 3));
  deflate.finish();
  return packed;
}

TEST(Side, ZlibsSettingsAreFoundByWhatTheyMake) {
  std::string content;
  for (unsigned i = 0; i < 20'000; ++i) content += std::to_string(i * 7919 % 10'007) + ",";
  std::set<std::string> seen;
  for (const ZlibSettings settings : {ZlibSettings{6, 8}, {9, 8}, {1, 8}, {6, 9}, {4, 9}}) {
    std::string packed = packed_by(settings, content);
    EXPECT_EQ(seen.insert(packed).second, settings.level != 9);  // of this text 9 makes what 6 makes
    const auto found = settings_that_made(as_byte_span(packed), as_byte_span(content), {});
    ASSERT_TRUE(found);
    EXPECT_EQ(packed_by(*found, content), packed);
    packed[packed.size() / 2] ^= 1;
    EXPECT_FALSE(settings_that_made(as_byte_span(packed), as_byte_span(content), {}));
  }
}

TEST(Side, WhatComesTwiceIsKeptOnce) {
  const TemporaryFolder folder;
  const std::string image = noise(3'000'000, 5), start = noise(1234, 6);
  put(folder.path() / "old/a", start + image);
  put(folder.path() / "old/b", image);
  put(folder.path() / "old/text", std::string(2'000'000, 'x'));
  put(folder.path() / "new/a", start);
  const SideSummary summary =
      write_side(folder.path() / "old", folder.path() / "new", folder.path() / "side");
  EXPECT_LT(summary.size, image.size() + 400'000);
  EXPECT_EQ(fs::file_size(folder.path() / "side"), summary.size);
  restore_from(folder.path() / "new", folder.path() / "side", folder.path() / "back");
  for (const char* name : {"a", "b", "text"})
    EXPECT_EQ(read_file(folder.path() / "back" / name), read_file(folder.path() / "old" / name)) << name;
}

// A side file of a folder with one file, to be spoiled.
struct Scene {
  TemporaryFolder folder;
  fs::path old_one = folder.path() / "old", slim = folder.path() / "slim", side = folder.path() / "side";
  Scene() {
    put(old_one / "lib/a", noise(600'000, 7) + std::string(50'000, 'a') + noise(5'000, 8));
    put(old_one / "gone", "dropped");
    put(slim / "lib/a", noise(600'000, 7) + noise(5'000, 8));
    put(slim / "new", "added");
    write_side(old_one, slim, side);
  }
};

// No zlib makes it again; most of its blocks lie in the slim one as they were.
TEST(Side, OfAStreamThatCannotBeMadeAgainOnlyWhatIsGoneIsKept) {
  const TemporaryFolder folder;
  std::string content;
  for (unsigned i = 0; i < 60'000; ++i) content += noise(40, i % 500) + noise(3, i);
  const ZipMember like{.attributes = 0100644u << 16, .made_on_unix = true};
  const auto write = [&](const std::string& name, const std::string& what, const OldStream* old) {
    NewFile file(folder.path() / name);
    ZipWriter zip(file, 1);
    zip.add(like, "pkg/a.bin", as_byte_span(what), old);
    zip.finish();
    file.put_in_place(false);
    return folder.path() / name;
  };
  const fs::path original = write("a.whl", content, nullptr);
  const MappedFile map = MappedFile::open(original);
  const Zip zip = read_zip(map.bytes(), "a.whl");
  OldStream old{.packed = zip.members[0].packed};
  unpack(
      zip.members[0], [](ByteSpan) { return true; }, &old.starts);
  old.same = {{.from = 0, .to = 0, .size = 1'000'000},
              {.from = 1'200'000, .to = 1'000'000, .size = content.size() - 1'200'000}};
  const std::string less = content.substr(0, 1'000'000) + content.substr(1'200'000);
  const fs::path slim = write("slim.whl", less, &old), side = folder.path() / "side";
  EXPECT_EQ(write_side(original, slim, side).streams_kept, 1u);
  EXPECT_LT(fs::file_size(side), map.bytes().size() / 3);
  restore_from(slim, side, folder.path() / "again.whl");
  EXPECT_EQ(read_file(folder.path() / "again.whl"), read_file(original));
}

TEST(Side, EveryCutAndEveryChangedByteIsAnErrorAndNothingIsWritten) {
  Scene scene;
  const std::string good = read_file(scene.side);
  const auto tried = [&](const std::string& bytes) {
    return failure_of([&] {
      const SideContent side(as_byte_span(bytes), "side");
      restore(scene.slim, side, {.to = scene.folder.path() / "back"});
    });
  };
  for (std::size_t i = 0; i < good.size(); i += good.size() / 40 + 1)
    EXPECT_NE(tried(good.substr(0, i)), "") << i;
  for (std::size_t i = 0; i < good.size(); i += good.size() / 150 + 1) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    EXPECT_NE(tried(bad), "") << i;
    ASSERT_FALSE(fs::exists(scene.folder.path() / "back")) << i;
  }
  EXPECT_EQ(tried(good), "");
}

TEST(Side, InPlaceNothingIsWrittenWhereOneFileIsAnother) {
  Scene scene;
  put(scene.slim / "lib/a", noise(605'000, 9));
  const std::string what = failure_of([&] { restore_from(scene.slim, scene.side, scene.slim); });
  EXPECT_NE(what.find("does not come out as the original"), std::string::npos) << what;
  EXPECT_FALSE(fs::exists(scene.slim / "gone"));
  EXPECT_TRUE(fs::exists(scene.slim / "new"));
  EXPECT_EQ(std::distance(fs::directory_iterator(scene.folder.path()), {}), 3);
}

TEST(Side, PathsDoNotLeadThroughLinks) {
  Scene scene;
  fs::rename(scene.slim / "lib", scene.folder.path() / "elsewhere");
  fs::create_symlink("../elsewhere", scene.slim / "lib");
  EXPECT_NE(failure_of([&] { restore_from(scene.slim, scene.side, scene.slim); }), "");
  EXPECT_EQ(fs::file_size(scene.folder.path() / "elsewhere/a"), 605'000u);
}

TEST(Side, ManifestsThatLeadOutAreRefused) {
  const std::string hash(64, 'a');
  const auto read = [&](const std::string& path, const std::string& more) {
    return failure_of([&] {
      read_side_manifest(R"({"schema_version":1,"kind":"folder","name":"x","files":[{"path":")" + path +
                             R"(","mode":1,"size":1,"sha256":")" + hash + R"(")" + more + "}]}",
                         "side");
    });
  };
  EXPECT_EQ(read("a/b", ""), "");
  EXPECT_EQ(read("x.dist-info/RECORD", R"(,"above":1)"), "");
  for (const char* path : {"../a", "/a", "a/../b", "a//b", "", ".", "a/"})
    EXPECT_NE(read(path, ""), "") << path;
  EXPECT_NE(read("lib/a", R"(,"above":1)"), "");
  EXPECT_NE(read("x.dist-info/RECORD", R"(,"above":1000)"), "");
}

// Runs `act` in a process of its own, killed after so many microseconds.
void killed_after(unsigned microseconds, const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      act();
    } catch (...) {
    }
    std::_Exit(0);
  }
  ::usleep(microseconds);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_file(entry.path());
  }
  return files;
}

// In place: the second copy is changed as a carve does it, then put in place.
void make_slim(const fs::path& folder, const fs::path& side) {
  StagedCopy staged(folder);
  for (const char* name : {"a", "b", "c"}) {
    const fs::path file = staged.path() / name;
    write_file_atomically(file, read_file(file).substr(0, 40'000));
  }
  fs::remove(staged.path() / "gone");
  put(staged.path() / "new", "added");
  write_side(folder, staged.path(), side, {.threads = 1, .neighbours = staged.neighbours()});
  const MappedFile map = MappedFile::open(side);
  staged.put_in_place(SideContent(map.bytes(), side.string()));
}

TEST(Side, KilledAtAnyMomentTheOriginalIsNeverLost) {
  std::mt19937 random(11);
  std::size_t slimmed = 0, untouched = 0;
  for (unsigned round = 0; round < 40; ++round) {
    const TemporaryFolder folder;
    const fs::path place = folder.path() / "x", side = folder.path() / "side";
    for (const char* name : {"a", "b", "c"})
      put(place / name, noise(200'000, static_cast<unsigned>(name[0])));
    put(place / "gone", "dropped");
    const auto original = content_of(place);
    killed_after(static_cast<unsigned>(random() % 400'000), [&] { make_slim(place, side); });
    const auto now = content_of(place);
    if (now == original) {
      ++untouched;
      continue;
    }
    ++slimmed;
    ASSERT_TRUE(fs::exists(side)) << round;
    const auto one_of_both = [&] {
      for (const auto& [name, content] : content_of(place)) {
        if (name == "new") continue;
        const std::string& old = original.at(name);
        ASSERT_TRUE(content == old || content == old.substr(0, 40'000)) << name;
      }
    };
    killed_after(static_cast<unsigned>(random() % 100'000), [&] { restore_from(place, side, place); });
    one_of_both();
    restore_from(place, side, place);
    ASSERT_EQ(content_of(place), original) << round;
  }
  EXPECT_GT(slimmed, 0u);
  EXPECT_GT(untouched, 0u);
}

}  // namespace
}  // namespace lathe
