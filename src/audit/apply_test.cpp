// SPDX-License-Identifier: MIT
#include "audit/apply.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "audit/diff.h"
#include "base/error.h"
#include "os/file.h"
#include "os/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class ApplyTest : public ::testing::Test {
 protected:
  ApplyTest() { reset(); }

  // Five files; the plan rewrites two, renames one, deletes two and creates two.
  void reset() {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    for (const char* name : {"a", "b", "c", "d", "e"}) write(std::string(name) + ".nix", std::string("old ") + name);
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  static Plan plan() {
    return {.summary = {},
            .edits = {{.kind = Verdict::rewrite, .file = "a.nix", .from = {}, .reason = {}, .old_content = "old a", .new_content = "new a"},
                      {.kind = Verdict::rewrite, .file = "b.nix", .from = {}, .reason = {}, .old_content = "old b", .new_content = "new b"},
                      {.kind = Verdict::rename, .file = "r.nix", .from = "c.nix", .reason = {}, .old_content = "old c", .new_content = "old c"},
                      {.kind = Verdict::create, .file = "x.nix", .from = {}, .reason = {}, .old_content = {}, .new_content = "new x"},
                      {.kind = Verdict::create, .file = "y.nix", .from = {}, .reason = {}, .old_content = {}, .new_content = "new y"},
                      {.kind = Verdict::remove, .file = "d.nix", .from = {}, .reason = {}, .old_content = "old d", .new_content = {}},
                      {.kind = Verdict::remove, .file = "e.nix", .from = {}, .reason = {}, .old_content = "old e", .new_content = {}}}};
  }

  std::map<std::string, std::string> content(const fs::path& folder) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_regular_file()) files[entry.path().filename().string()] = read_file(entry.path());
    }
    return files;
  }
  std::map<std::string, std::string> content() const { return content(folder_); }

  const std::map<std::string, std::string> before_ = {{"a.nix", "old a"}, {"b.nix", "old b"}, {"c.nix", "old c"}, {"d.nix", "old d"}, {"e.nix", "old e"}};
  const std::map<std::string, std::string> after_ = {{"a.nix", "new a"}, {"b.nix", "new b"}, {"r.nix", "old c"}, {"x.nix", "new x"}, {"y.nix", "new y"}};
  const testing::ScratchFolder scratch_;
  const fs::path folder_ = scratch_.path();
};

TEST_F(ApplyTest, EveryEditIsDoneAndOldFilesAreKept) {
  const ApplyResult result = apply_plan(plan(), folder_);
  EXPECT_EQ(content(), after_);
  EXPECT_EQ(result.put, 5u);
  EXPECT_EQ(result.removed, 3u);
  EXPECT_EQ(content(result.journal / "old"), before_);
  EXPECT_EQ(forget_journals(folder_), 1u);
  EXPECT_FALSE(fs::exists(folder_ / journal_folder));
  EXPECT_EQ(content(), after_);
}

// Kills the process with SIGKILL before each single step there is, and once more while the next one tidies up.
TEST_F(ApplyTest, KilledAtAnyStepTheNextApplyLeavesTheFolderAsBeforeOrAsPlanned) {
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

TEST_F(ApplyTest, NoFileIsMissingForAMomentWhileItIsReplaced) {
  apply_plan(plan(), folder_, [&](const std::string&) { EXPECT_TRUE(fs::exists(folder_ / "a.nix") && fs::exists(folder_ / "b.nix")); });
}

TEST_F(ApplyTest, WorkWrittenAfterAnInterruptionIsKeptToo) {
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

TEST_F(ApplyTest, AFolderThatChangedSinceItWasLookedAtIsLeftAlone) {
  write("b.nix", "changed");
  const auto now = content();
  EXPECT_THROW(apply_plan(plan(), folder_), Error);
  EXPECT_EQ(content(), now);
}

TEST_F(ApplyTest, AJournalCannotReachOutOfTheFolder) {
  fs::create_directories(folder_ / journal_folder / "0001");
  write(std::string(journal_folder) + "/0001/plan.json", R"({"version": 1, "put": [], "remove": ["../../etc/x"]})");
  EXPECT_THROW(finish_interrupted(folder_), Error);
}

TEST_F(ApplyTest, AnInterruptedJournalIsNotForgotten) {
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

// ---- Differences ----------------------------------------------------------------------------------------------------

TEST(UnifiedDiff, ShowsThreeLinesAroundAChange) {
  EXPECT_EQ(unified_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "a", "b"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiff, AFileThatIsNotThereIsDevNull) {
  EXPECT_EQ(unified_diff("", "x\n", "", "b"), "--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(unified_diff("x\ny\n", "", "a", ""), "--- a\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n");
}

TEST(UnifiedDiff, ALastLineWithoutItsEndIsMarked) {
  EXPECT_EQ(unified_diff("x", "y\n", "a", "b"), "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n");
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
