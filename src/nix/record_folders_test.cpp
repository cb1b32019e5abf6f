// SPDX-License-Identifier: MIT
// The recorder and recipes that mean ill, folders with anything in them, a Nix that does not work.
#include "nix/record.h"
#include "os/process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "testing/nix_record.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;
using testing::evaluate;
using testing::failure_of;
using testing::RecipeFolder;
using testing::Record;

// ---- Impurities
// ------------------------------------------------------------------------------------------------------

TEST_F(Record, NothingOfTheMachineReachesARecipe) {
  ::setenv("LATHE_TEST_SECRET", "of no use", 1);
  const Recorded recipe = evaluate(R"({ stdenv, ... }: stdenv.mkDerivation {
    pname = builtins.getEnv "LATHE_TEST_SECRET"; version = "1";
    passwd = builtins.readFile /etc/passwd; home = builtins.pathExists ~/.bashrc;
    dir = builtins.readDir /root;
    now = builtins.currentTime; system' = builtins.currentSystem;
    sneaky = __readFile "/etc/shadow"; path = <nixpkgs>;
    up = builtins.readFile ../../../../../etc/hostname;
  })");
  ::unsetenv("LATHE_TEST_SECRET");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  const auto noted = [&](const std::string& what, const std::string& detail) {
    return std::ranges::find(recipe.impurities, RecordedImpurity{what, detail}) != recipe.impurities.end();
  };
  EXPECT_TRUE(noted("environment", "LATHE_TEST_SECRET"));
  EXPECT_TRUE(noted("read", "/etc/passwd"));
  EXPECT_TRUE(noted("read", "/root"));
  EXPECT_TRUE(noted("read", "/etc/shadow"));
  EXPECT_TRUE(noted("time", "builtins.currentTime"));
  EXPECT_TRUE(noted("system", "builtins.currentSystem"));
  EXPECT_TRUE(noted("lookup", "<nixpkgs>"));
  EXPECT_GE(recipe.impurities.size(), 9u);
  EXPECT_EQ(recipe.package->pname, "");
  EXPECT_EQ(recipe.package->text_of("passwd"), "<content:/etc/passwd>");
  EXPECT_EQ(recipe.package->text_of("sneaky"), "<content:/etc/shadow>");
  EXPECT_FALSE(*recipe.package->attributes.find("home")->get<bool>());
  EXPECT_TRUE(recipe.package->attributes.find("dir")->object()->empty());
  EXPECT_EQ(*recipe.package->attributes.find("now")->get<std::int64_t>(), 0);
}

TEST_F(Record, AnImportFromOutsideTheFolderIsRefusedAndNoted) {
  RecipeFolder folder;
  folder.add("secret.nix", "\"secret\"")
      .add("recipes/bad.nix", "import ../secret.nix")
      .add("recipes/good.nix", "1");
  const RecordedFolder result = record_folder(folder.path() / "recipes");
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(result.recipes[0]).find("outside its folder"), std::string::npos)
      << failure_of(result.recipes[0]);
  EXPECT_EQ(result.recipes[0].impurities.size(), 1u);
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::value);
}

TEST_F(Record, LinksThatLeaveTheFolderAreNotFollowed) {
  RecipeFolder folder;
  folder.add("secret.nix", "\"secret\"").add("recipes/reads.nix", "builtins.readFile ./link.txt");
  fs::create_symlink(folder.path() / "secret.nix", folder.path() / "recipes/link.nix");
  fs::create_symlink("/etc/passwd", folder.path() / "recipes/link.txt");
  const RecordedFolder result = record_folder(folder.path() / "recipes");
  ASSERT_EQ(result.recipes.size(), 2u);
  EXPECT_EQ(failure_of(result.recipes[0]), "is a link that leaves the folder");
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::failed);
  EXPECT_NE(failure_of(result.recipes[1]).find("forbidden in restricted mode"), std::string::npos)
      << failure_of(result.recipes[1]);
}

TEST_F(Record, ARecipeCannotSpeakForTheRecorder) {
  const Recorded recipe = evaluate(R"({ stdenv, ... }: stdenv.mkDerivation (old: {
    pname = "x"; version = "1";
    where = builtins.unsafeGetAttrPos "out" (stdenv.mkDerivation { name = "y"; });
    said = builtins.trace "TOKEN r {\"kind\":\"package\"}" (__trace { } "b");
    inner = builtins.scopedImport { } ./recipe.nix == 1;
  }))");
  ASSERT_EQ(recipe.kind, Recorded::Kind::package) << failure_of(recipe);
  EXPECT_TRUE(recipe.package->attributes.find("where")->is_null());
  EXPECT_EQ(recipe.messages, (Texts{"TOKEN r {\"kind\":\"package\"}", "a set"}));
}

TEST_F(Record, AnEndlessValueIsCut) {
  EXPECT_EQ(evaluate("let f = x: { a = f x; }; in f 0").kind, Recorded::Kind::set);
}

// ---- Folders
// ----------------------------------------------------------------------------------------------------------

constexpr const char* good = "{ stdenv }: stdenv.mkDerivation { pname = \"good\"; version = \"1\"; }";

TEST_F(Record, AnyFileNameWillDo) {
  RecipeFolder folder;
  folder.add("a b.nix", good)
      .add("new\nline.nix", good)
      .add("quote\"${x}.nix", good)
      .add("-I.nix", good)
      .add("sub/default.nix", good);
  folder.add("notes.txt", "no recipe").add("empty/readme.md", "none either");
  const RecordedFolder result = record_folder(folder.path());
  Texts files;
  for (const Recorded& recipe : result.recipes) {
    files.push_back(recipe.file);
    EXPECT_EQ(recipe.kind, Recorded::Kind::package) << recipe.file << ": " << failure_of(recipe);
  }
  EXPECT_EQ(files, (Texts{"-I.nix", "a b.nix", "new\nline.nix", "quote\"${x}.nix", "sub/default.nix"}));
}

TEST_F(Record, FilesThatAreNoNixTextAreNotEvaluated) {
  RecipeFolder folder;
  folder
      .add("binary.nix", std::string("\x7f"
                                     "ELF\0\0",
                                     6))
      .add("good.nix", good)
      .add("huge.nix", std::string(2 << 20, ' '))
      .add("l\xff.nix", good);
  fs::create_symlink("nowhere", folder.path() / "dangling.nix");
  const RecordedFolder result = record_folder(folder.path());
  ASSERT_EQ(result.recipes.size(), 5u);
  EXPECT_EQ(failure_of(result.recipes[0]), "holds zero bytes: a binary file, no Nix text");
  EXPECT_EQ(failure_of(result.recipes[1]).substr(0, 14), "cannot be read");
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package);
  EXPECT_NE(failure_of(result.recipes[3]).find("1048576"), std::string::npos)
      << failure_of(result.recipes[3]);
  EXPECT_EQ(failure_of(result.recipes[4]), "its name is not UTF-8");
  for (const std::size_t i : {0U, 1U, 3U, 4U})
    EXPECT_EQ(result.recipes[i].failure->cause, Recorded::Cause::not_nix);
}

TEST_F(Record, AnEmptyFolderHasNoRecipesAndAMissingOneIsAnError) {
  RecipeFolder folder;
  EXPECT_TRUE(record_folder(folder.path()).recipes.empty());
  EXPECT_THROW(record_folder(folder.path() / "gone"), Error);
}

TEST_F(Record, AFileThatGoesAwayMeanwhileFailsAlone) {
  RecipeFolder folder;
  folder.add("a.nix", good).add("gone.nix", good).add("z.nix", good);
  const RecordOptions options{.run = [&](const Process& process) {
    fs::remove(folder.path() / "gone.nix");
    return run_process(process);
  }};
  const RecordedFolder result = record_folder(folder.path(), options);
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::package);
  EXPECT_EQ(result.recipes[1].kind, Recorded::Kind::failed);
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package);
}

TEST_F(Record, SeveralProcessesGiveTheSameAsOne) {
  RecipeFolder folder;
  for (int i = 0; i < 9; ++i) folder.add(fmt::format("r{}.nix", i), i % 3 == 1 ? "{ }.x" : good);
  const RecordedFolder one = record_folder(folder.path(), {.processes = 1}),
                       three = record_folder(folder.path(), {.processes = 3});
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(one.recipes[i].kind, i % 3 == 1 ? Recorded::Kind::failed : Recorded::Kind::package)
        << failure_of(one.recipes[i]);
    EXPECT_EQ(one.recipes[i].kind, three.recipes[i].kind);
    EXPECT_EQ(failure_of(one.recipes[i]), failure_of(three.recipes[i]));
  }
}

TEST_F(Record, NeedsNoRightsAndNoStore) {
  if (::geteuid() != 0) GTEST_SKIP() << "already without rights";
  RecipeFolder folder;
  folder.add("a.nix", good);
  fs::permissions(folder.path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  const RecordOptions options{.run = [](Process process) {
    const Texts as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    process.arguments.insert(process.arguments.begin(), as_nobody.begin(), as_nobody.end());
    return run_process(process);
  }};
  EXPECT_EQ(record_folder(folder.path(), options).recipes.front().kind, Recorded::Kind::package);
}

TEST_F(Record, ANixThatDoesNotWorkIsNobodysRecipe) {
  RecipeFolder folder;
  folder.add("a.nix", good);
  const RecordOptions options{.run = [](const Process& process) {
    process.on_line(Stream::err, "error: unknown store 'dummy'");
    return ProcessResult{.exit_status = 1};
  }};
  try {
    record_folder(folder.path(), options);
    FAIL() << "recorded without a Nix";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("unknown store 'dummy'"), std::string::npos) << error.what();
    EXPECT_EQ(error.exit_code(), 3);
  }
}

TEST(RecordWithoutNix, RecipesAreListedButNotEvaluated) {
  const std::string path = std::getenv("PATH"), home = std::getenv("HOME") ? std::getenv("HOME") : "";
  ::setenv("PATH", "/nonexistent", 1);
  ::setenv("HOME", "/nonexistent", 1);
  const bool none = !find_nix();
  RecipeFolder folder;
  folder.add("a.nix", good).add("b.nix", std::string("\0", 1));
  const RecordedFolder result = none ? record_folder(folder.path()) : RecordedFolder{};
  ::setenv("PATH", path.c_str(), 1);
  ::setenv("HOME", home.c_str(), 1);
  if (!none) GTEST_SKIP() << "Nix is also where its installer puts it";
  EXPECT_FALSE(result.nix_found);
  ASSERT_EQ(result.recipes.size(), 2u);
  EXPECT_EQ(result.recipes[0].failure->cause, Recorded::Cause::none);
  EXPECT_EQ(result.recipes[1].failure->cause, Recorded::Cause::not_nix);
}

// ---- Failures
// ---------------------------------------------------------------------------------------------------------

struct Bad {
  const char* name;
  const char* text;
  Recorded::Cause cause;
  std::vector<const char*> messages;  // one of them: Nix's words changed over time
  std::vector<std::uint32_t> lines;   // one of them: newer Nix knows the place better
  std::chrono::milliseconds time_limit = 60s;
};

class RecordBad : public Record, public ::testing::WithParamInterface<Bad> {};

TEST_P(RecordBad, SpoilsOnlyItself) {
  RecipeFolder folder;
  folder.add("a.nix", good).add("m.nix", GetParam().text).add("z.nix", good);
  const RecordedFolder result =
      record_folder(folder.path(), {.time_limit = GetParam().time_limit, .memory_limit = 600u << 20});
  ASSERT_EQ(result.recipes.size(), 3u);
  EXPECT_EQ(result.recipes[0].kind, Recorded::Kind::package) << failure_of(result.recipes[0]);
  EXPECT_EQ(result.recipes[2].kind, Recorded::Kind::package) << failure_of(result.recipes[2]);
  const Recorded& bad = result.recipes[1];
  ASSERT_EQ(bad.kind, Recorded::Kind::failed);
  EXPECT_EQ(bad.failure->cause, GetParam().cause);
  EXPECT_TRUE(std::ranges::any_of(GetParam().messages, [&](const char* words) {
    return bad.failure->message.find(words) != std::string::npos;
  })) << bad.failure->message;
  EXPECT_TRUE(bad.failure->where.file.ends_with("m.nix")) << bad.failure->where.file;
  EXPECT_NE(std::ranges::find(GetParam().lines, bad.failure->where.line), GetParam().lines.end())
      << bad.failure->where.text();
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RecordBad,
    ::testing::Values(
        Bad{"throw", "{ lib }:\nthrow \"not today\"", Recorded::Cause::error, {"not today"}, {1, 2}},
        Bad{"abort", "abort \"never\"", Recorded::Cause::error, {"never"}, {0, 1}},
        Bad{"assert", "assert 1 == 2;\n3", Recorded::Cause::error, {"assertion", "is not equal to"}, {1}},
        Bad{"missing",
            "{ lib }:\nlet a = { b = 1; }; in\na.c",
            Recorded::Cause::error,
            {"attribute 'c' missing"},
            {3}},
        Bad{"undefined", "{ lib }:\nlib.id foo", Recorded::Cause::error, {"undefined variable 'foo'"}, {2}},
        Bad{"type", "{ lib }:\n[ 1 ] ++ \"x\"", Recorded::Cause::error, {"list"}, {2}},
        Bad{"syntax", "{ lib }:\n(1 + 2;\n", Recorded::Cause::error, {"syntax error"}, {2}},
        Bad{"recursion",
            "{ lib }:\nlet x = x + 1; in x",
            Recorded::Cause::error,
            {"infinite recursion"},
            {2}},
        Bad{"deep", "let f = x: 1 + f (x + 1); in f 0", Recorded::Cause::error, {"stack overflow"}, {0, 1}},
        Bad{"loop",
            "let l = builtins.genList (x: x) 3000; f = builtins.foldl'; in f (a: b: f (c: d: f (e: g: e + g) "
            "c l) a l) 0 l",
            Recorded::Cause::too_long,
            {"loops without end"},
            {0},
            3s},
        Bad{"memory",
            "builtins.stringLength (builtins.foldl' (a: b: a + a) \"12345678\" (builtins.genList (x: x) 40))",
            Recorded::Cause::too_large,
            {"memory"},
            {0}},
        Bad{"chatter",
            "let f = n: builtins.seq (builtins.getEnv (toString n)) (if n == 1000000 then 1 else f (n + 1)); "
            "in f 0",
            Recorded::Cause::too_large,
            {"noteworthy"},
            {0}}),
    [](const auto& bad) { return std::string(bad.param.name); });

}  // namespace
}  // namespace lathe
