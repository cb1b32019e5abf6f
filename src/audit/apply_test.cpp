// SPDX-License-Identifier: MIT
#include "audit/apply.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "audit/audit.h"
#include "audit/diff.h"
#include "base/error.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class Apply : public ::testing::Test {
 protected:
  Apply() { reset(); }

  // Five recipes and a patch; the plan rewrites two, renames one, deletes two and creates two, with a patch
  // for each of these.
  void reset() {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    for (const char* name : {"a", "b", "c", "d", "e"})
      write(std::string(name) + ".nix", std::string("old ") + name);
    fs::create_directory(folder_ / "p");
    write("p/q.patch", "old q");
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  static Plan plan() {
    return {.summary = {},
            .edits = {{.kind = Verdict::rewrite,
                       .file = "a.nix",
                       .from = {},
                       .reason = {},
                       .old_content = "old a",
                       .new_content = "new a"},
                      {.kind = Verdict::rewrite,
                       .file = "b.nix",
                       .from = {},
                       .reason = {},
                       .old_content = "old b",
                       .new_content = "new b"},
                      {.kind = Verdict::rename,
                       .file = "r.nix",
                       .from = "c.nix",
                       .reason = {},
                       .old_content = "old c",
                       .new_content = "old c"},
                      {.kind = Verdict::create,
                       .file = "x.nix",
                       .from = {},
                       .reason = {},
                       .old_content = {},
                       .new_content = "new x"},
                      {.kind = Verdict::create,
                       .file = "y.nix",
                       .from = {},
                       .reason = {},
                       .old_content = {},
                       .new_content = "new y"},
                      {.kind = Verdict::rewrite,
                       .file = "p/q.patch",
                       .from = {},
                       .reason = {},
                       .old_content = "old q",
                       .new_content = "new q"},
                      {.kind = Verdict::create,
                       .file = "p/new/z.patch",
                       .from = {},
                       .reason = {},
                       .old_content = {},
                       .new_content = "new z"},
                      {.kind = Verdict::remove,
                       .file = "d.nix",
                       .from = {},
                       .reason = {},
                       .old_content = "old d",
                       .new_content = {}},
                      {.kind = Verdict::remove,
                       .file = "e.nix",
                       .from = {},
                       .reason = {},
                       .old_content = "old e",
                       .new_content = {}}}};
  }

  std::map<std::string, std::string> content(const fs::path& folder) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().lexically_relative(folder).string();
      if (entry.is_regular_file() && !name.starts_with(journal_folder)) files[name] = read_file(entry.path());
    }
    return files;
  }
  std::map<std::string, std::string> content() const { return content(folder_); }

  const std::map<std::string, std::string> before_ = {{"a.nix", "old a"}, {"b.nix", "old b"},
                                                      {"c.nix", "old c"}, {"d.nix", "old d"},
                                                      {"e.nix", "old e"}, {"p/q.patch", "old q"}};
  const std::map<std::string, std::string> after_ = {
      {"a.nix", "new a"}, {"b.nix", "new b"},     {"r.nix", "old c"},        {"x.nix", "new x"},
      {"y.nix", "new y"}, {"p/q.patch", "new q"}, {"p/new/z.patch", "new z"}};
  const testing::ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
};

TEST_F(Apply, EveryEditIsDoneAndOldFilesAreKept) {
  const ApplyResult result = apply_plan(plan(), folder_);
  EXPECT_EQ(content(), after_);
  EXPECT_EQ(result.put, 7u);
  EXPECT_EQ(result.removed, 3u);
  EXPECT_EQ(content(result.journal / "old"), before_);
  EXPECT_EQ(forget_journals(folder_), 1u);
  EXPECT_FALSE(fs::exists(folder_ / journal_folder));
  EXPECT_EQ(content(), after_);
}

// Kills the process with SIGKILL before each single step there is, and once more while the next one tidies
// up.
TEST_F(Apply, KilledAtAnyStepTheNextApplyLeavesTheFolderAsBeforeOrAsPlanned) {
  int steps = 0;
  apply_plan(plan(), folder_, [&](const std::string&) { ++steps; });
  ASSERT_GT(steps, 12);
  const auto killed_at = [&](int kill_at, const std::function<void(const ApplyStep&)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      int at = 0;
      work([&](const std::string&) {
        if (at++ == kill_at) ::kill(::getpid(), SIGKILL);
      });
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status);
  };
  int as_before = 0, as_planned = 0;
  for (int at = 0; at < steps; ++at) {
    for (int second = 0; second < 2; ++second) {
      reset();
      ASSERT_TRUE(killed_at(at, [&](const ApplyStep& step) { apply_plan(plan(), folder_, step); }));
      killed_at(second, [&](const ApplyStep& step) { finish_interrupted(folder_, step); });
      finish_interrupted(folder_);
      const auto now = content();
      ASSERT_TRUE(now == before_ || now == after_) << "killed at step " << at << " and again at " << second;
      (now == before_ ? as_before : as_planned) += 1;
      forget_journals(folder_);
      EXPECT_EQ(content(), now);
    }
  }
  EXPECT_GT(as_before, 0);
  EXPECT_GT(as_planned, as_before);
}

TEST_F(Apply, NoFileIsMissingForAMomentWhileItIsReplaced) {
  apply_plan(plan(), folder_, [&](const std::string&) {
    EXPECT_TRUE(fs::exists(folder_ / "a.nix") && fs::exists(folder_ / "b.nix"));
  });
}

TEST_F(Apply, WorkWrittenAfterAnInterruptionIsKeptToo) {
  const pid_t child = ::fork();
  if (child == 0) {
    apply_plan(plan(), folder_, [](const std::string& what) {
      if (what == "put b.nix") ::kill(::getpid(), SIGKILL);
    });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fs::remove(folder_ / "b.nix");
  write("b.nix", "my new work");
  const auto finished = finish_interrupted(folder_);
  ASSERT_TRUE(finished);
  EXPECT_EQ(content(), after_);
  EXPECT_EQ(content(finished->journal / "old").at("b.nix~2"), "my new work");
  EXPECT_EQ(content(finished->journal / "old").at("b.nix"), "old b");
}

TEST_F(Apply, AFolderThatChangedSinceItWasLookedAtIsLeftAlone) {
  write("b.nix", "changed");
  const auto now = content();
  EXPECT_THROW(apply_plan(plan(), folder_), Error);
  EXPECT_EQ(content(), now);
}

// ---- Journals that somebody else put there
// --------------------------------------------------------------------------

class PlantedJournal : public Apply {
 protected:
  PlantedJournal() {
    fs::create_directories(outside_.path() / "folder");
    outside_.write("secret", "secret");
    fs::create_directories(journal_ / "new");
    fs::create_directories(journal_ / "old");
  }
  void plan_json(const std::string& put, const std::string& remove) {
    std::ofstream(journal_ / "plan.json")
        << R"({"version": 1, "put": [)" << put << R"(], "remove": [)" << remove << "]}";
  }
  // Refused in words, and nothing in the folder or outside of it has changed.
  std::string refusal() {
    std::string what;
    try {
      finish_interrupted(folder_);
    } catch (const Error& error) {
      what = error.parts().what;
    }
    EXPECT_EQ(content(), before_);
    EXPECT_EQ(content(outside_.path()), (std::map<std::string, std::string>{{"secret", "secret"}}));
    EXPECT_TRUE(fs::is_empty(outside_.path() / "folder"));
    return what;
  }

  const testing::ScratchFolder outside_;
  const fs::path journal_ = folder_ / journal_folder / "0001";
};

TEST_F(PlantedJournal, CannotReachOutOfTheFolderByItsNames) {
  plan_json("", R"("../../etc/x")");
  EXPECT_NE(refusal().find("outside the folder"), std::string::npos);
  plan_json("", '"' + (outside_.path() / "secret").string() + '"');
  EXPECT_NE(refusal().find("outside the folder"), std::string::npos);
  plan_json("", R"("a.nix\u0000x")");
  EXPECT_NE(refusal().find("control character"), std::string::npos);
}

TEST_F(PlantedJournal, CannotWriteThroughALinkInTheFolder) {
  fs::create_symlink(outside_.path(), folder_ / "link");
  fs::create_directories(journal_ / "new/link");
  std::ofstream(journal_ / "new/link/secret") << "planted";
  plan_json(R"("link/secret")", "");
  EXPECT_NE(refusal().find("symbolic link"), std::string::npos);
  plan_json("", R"("link/secret")");
  EXPECT_NE(refusal().find("symbolic link"), std::string::npos);
}

TEST_F(PlantedJournal, CannotCarryFilesOutThroughALinkForOld) {
  fs::remove(journal_ / "old");
  fs::create_symlink(outside_.path() / "folder", journal_ / "old");
  plan_json("", R"("a.nix")");
  EXPECT_NE(refusal().find("symbolic link"), std::string::npos);
}

TEST_F(PlantedJournal, CannotBringInALinkOrAFolder) {
  fs::create_symlink(outside_.path() / "secret", journal_ / "new/z.nix");
  plan_json(R"("z.nix")", "");
  EXPECT_EQ(refusal(), "not a regular file");
  fs::remove(journal_ / "new/z.nix");
  fs::create_directories(folder_ / "work/deep");
  plan_json("", R"("work")");
  EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
}

TEST_F(PlantedJournal, CannotBeALinkItself) {
  plan_json("", R"("a.nix")");
  const std::string elsewhere = std::string(journal_folder) + "-elsewhere";
  fs::rename(journal_, folder_ / elsewhere);
  fs::create_symlink("../" + elsewhere, journal_);
  EXPECT_NE(refusal(), "");
  fs::remove_all(folder_ / journal_folder);
  fs::create_symlink(elsewhere, folder_ / journal_folder);
  EXPECT_NE(refusal(), "");
  EXPECT_THROW(forget_journals(folder_), Error);
  EXPECT_THROW(apply_plan(plan(), folder_), Error);
}

TEST_F(PlantedJournal, CannotHaveItsMarkWrittenThroughALink) {
  plan_json("", "");
  fs::create_symlink(outside_.path() / "folder/new", journal_ / "done");
  EXPECT_EQ(refusal(), "not a regular file");
  fs::remove(journal_ / "done");
  fs::remove(journal_ / "plan.json");
  fs::create_symlink(outside_.path() / "secret", journal_ / "plan.json");
  EXPECT_EQ(refusal(), "not a regular file");
}

TEST_F(PlantedJournal, OfANumberThatNoApplyGivesIsRefused) {
  plan_json("", R"("a.nix")");
  for (const char* name : {"99999999999999999999", "1", "00001"}) {
    fs::rename(journal_, folder_ / journal_folder / name);
    EXPECT_NE(refusal().find(std::string("the number ") + name), std::string::npos);
    fs::rename(folder_ / journal_folder / name, journal_);
  }
}

TEST_F(PlantedJournal, BesideAnotherUnfinishedOneIsRefused) {
  plan_json("", R"("a.nix")");
  fs::copy(journal_, folder_ / journal_folder / "0002", fs::copy_options::recursive);
  EXPECT_EQ(refusal(), "2 journals are unfinished (0001 and 0002); apply leaves at most one");
}

TEST_F(PlantedJournal, ThatAnotherProcessHoldsIsRefusedAtOnce) {
  plan_json("", R"("a.nix")");
  const int lock = ::open((folder_ / journal_folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  EXPECT_EQ(refusal(), "another apply is running in this folder");
  ::close(lock);
}

TEST_F(Apply, WritesNeitherOverNorThroughALink) {
  const testing::ScratchFolder outside;
  outside.write("b.nix", "old b");
  fs::remove(folder_ / "b.nix");
  fs::create_symlink(outside.path() / "b.nix", folder_ / "b.nix");
  EXPECT_THROW(apply_plan(plan(), folder_), Error);
  EXPECT_TRUE(fs::is_symlink(folder_ / "b.nix"));
  EXPECT_EQ(read_file(outside.path() / "b.nix"), "old b");
  EXPECT_EQ(read_file(folder_ / "a.nix"), "old a");
}

TEST_F(Apply, LeavesNothingOfAJournalThatCouldNotBeWritten) {
  EXPECT_THROW(apply_plan(plan(), folder_,
                          [](const std::string& what) {
                            if (what == "commit") throw Error({.what = "no room"});
                          }),
               Error);
  EXPECT_EQ(content(), before_);
  EXPECT_FALSE(fs::exists(folder_ / journal_folder));
}

TEST_F(Apply, FilesAreNotWrittenThroughALinkOfTheirFolder) {
  const testing::ScratchFolder outside;
  fs::create_symlink(outside.path(), folder_ / "patches");
  const Plan files{.summary = {},
                   .edits = {{.kind = Verdict::create,
                              .file = "patches/a.patch",
                              .from = {},
                              .reason = {},
                              .old_content = {},
                              .new_content = "x"}},
                   .beside = 1};
  EXPECT_THROW(apply_plan(files, folder_), Error);
  EXPECT_TRUE(fs::is_empty(outside.path()));
  EXPECT_EQ(read_file(folder_ / "a.nix"), "old a");
}

TEST_F(Apply, NamesAsLongAsTheyMayBe) {
  const std::string name = std::string(251, 'n') + ".nix";
  write(name, "old");
  const Plan longest{.summary = {},
                     .edits = {{.kind = Verdict::rewrite,
                                .file = name,
                                .from = {},
                                .reason = {},
                                .old_content = "old",
                                .new_content = "new"}}};
  const ApplyResult result = apply_plan(longest, folder_);
  EXPECT_EQ(read_file(folder_ / name), "new");
  EXPECT_EQ(read_file(result.journal / "old" / name), "old");
}

TEST_F(Apply, AnInterruptedJournalIsNotForgotten) {
  const pid_t child = ::fork();
  if (child == 0) {
    apply_plan(plan(), folder_, [](const std::string& what) {
      if (what == "remove d.nix") ::kill(::getpid(), SIGKILL);
    });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_THROW(forget_journals(folder_), Error);
}

// ---- Differences
// ----------------------------------------------------------------------------------------------------

TEST(UnifiedDiff, ShowsThreeLinesAroundAChange) {
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "a", "b"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, AFileThatIsNotThereIsDevNull) {
  EXPECT_EQ(unified_diff("", "x\n", "", "b"), "--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(unified_diff("x\ny\n", "", "a", ""), "--- a\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n");
}

TEST(UnifiedDiff, ALastLineWithoutItsEndIsMarked) {
  EXPECT_EQ(unified_diff("x", "y\n", "a", "b"),
            "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n");
  EXPECT_EQ(unified_diff("same\n", "same\n", "a", "b"), "");
}

TEST(UnifiedDiff, ChangesFarApartAreHunksOfTheirOwn) {
  std::string old_text, new_text;
  for (int i = 0; i < 40; ++i) {
    old_text += std::to_string(i) + "\n";
    if (i != 5) new_text += std::to_string(i) + "\n";
    if (i == 30) new_text += "more\n";
  }
  const std::string diff = unified_diff(old_text, new_text, "a", "b");
  EXPECT_NE(diff.find("@@ -3,7 +3,6 @@\n"), std::string::npos) << diff;
  EXPECT_NE(diff.find("@@ -29,6 +28,7 @@\n"), std::string::npos) << diff;
}

}  // namespace
}  // namespace lathe
