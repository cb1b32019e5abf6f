// SPDX-License-Identifier: MIT
#include "package/place_journal.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/error.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Kind = PlaceChange::Kind;

const PlaceChange first{.kind = Kind::changed, .path = "lib/a b.so", .record = R"({"path": "x"})"};
const PlaceChange second{.kind = Kind::added, .path = "new.json", .record = ""};

class JournalInPlace : public ::testing::Test {
 protected:
  JournalInPlace() { fs::create_directories(inner_); }

  std::vector<PlaceChange> earlier() const { return PlaceJournal(outer_).earlier(); }
  fs::path file() const { return outer_ / place_journal_name; }

  testing::ScratchFolder folder_;
  const fs::path outer_ = folder_.path() / "outer", inner_ = outer_ / "lib/inner";
};

TEST_F(JournalInPlace, KeepsWhatWasNotFinished) {
  PlaceJournal(outer_).will_change({first});
  EXPECT_EQ(earlier(), std::vector{first});
  PlaceJournal(outer_).will_change({second});
  EXPECT_EQ(earlier(), (std::vector{first, second}));
  PlaceJournal(outer_).finish();
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_TRUE(earlier().empty());
}

TEST_F(JournalInPlace, WritesNothingWhereNothingChanges) {
  {
    PlaceJournal journal(outer_);
    journal.will_change({});
    EXPECT_FALSE(fs::exists(file()));
  }
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(JournalInPlace, LosesAChangeThatWasCutShort) {
  PlaceJournal(outer_).will_change({first, second});
  const std::string whole = read_file(file());
  for (std::size_t cut = 1; cut <= place_journal_text(second).size(); ++cut)
    EXPECT_EQ(parse_place_journal(std::string_view(whole).substr(0, whole.size() - cut)), std::vector{first});
  write_file_atomically(file(), whole.substr(0, whole.size() - 1));
  PlaceJournal(outer_).will_change({second});
  EXPECT_EQ(earlier(), (std::vector{first, second})) << "what was cut short hides what follows";
}

TEST_F(JournalInPlace, TakesNoPathThatLeadsOut) {
  std::string text = read_file([&] {
    PlaceJournal(outer_).will_change({first});
    return file();
  }());
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "..", ".", "", "a/.."})
    text += place_journal_text({.kind = Kind::changed, .path = path, .record = ""});
  EXPECT_EQ(parse_place_journal(text + place_journal_text(second)), (std::vector{first, second}));
  EXPECT_TRUE(parse_place_journal("another text").empty());
}

TEST_F(JournalInPlace, IsNotWrittenThroughALink) {
  const fs::path elsewhere = folder_.write("elsewhere", "as it was");
  fs::create_symlink(elsewhere, file());
  PlaceJournal(outer_).will_change({first});
  EXPECT_EQ(read_file(elsewhere), "as it was");
  EXPECT_EQ(earlier(), std::vector{first});
}

TEST_F(JournalInPlace, IsForOneRunInAFolderAboveItOrBelowIt) {
  const fs::path other = outer_ / "other";
  fs::create_directories(other);
  {
    const PlaceJournal outer(outer_);
    EXPECT_THROW(PlaceJournal{outer_}, Error);
    EXPECT_THROW(PlaceJournal{inner_}, Error);
  }
  const PlaceJournal inner(inner_);
  EXPECT_THROW(PlaceJournal{outer_}, Error);
  EXPECT_NO_THROW(PlaceJournal{other});
}

TEST_F(JournalInPlace, TakesOverThoseOfFoldersBelow) {
  PlaceJournal(inner_).will_change({second});
  {
    PlaceJournal outer(outer_);
    outer.take_over("lib/inner");
    outer.take_over("lib/inner");
    ASSERT_EQ(outer.earlier().size(), 1u);
    EXPECT_EQ(outer.earlier()[0].path, "lib/inner/new.json");
    outer.finish();
  }
  EXPECT_TRUE(PlaceJournal(inner_).earlier().empty());
}

}  // namespace
}  // namespace lathe
