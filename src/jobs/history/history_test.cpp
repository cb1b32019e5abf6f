// SPDX-License-Identifier: MIT
#include "jobs/history/history.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

class BuildHistory : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "history.db"; }

  static void add(History& history, std::int64_t run, const std::string& variant, double seconds,
                  const std::string& status = "built") {
    BuildRecord record{.run = run, .variant = variant, .started = 1000, .status = "running"};
    record.id = history.begin_build(record);
    record.status = status;
    record.seconds = seconds;
    record.peak_bytes = 500;
    history.end_build(record);
  }

  const testing::ScratchFolder folder_;
};

TEST_F(BuildHistory, WhatWasWrittenIsReadAgainNewestFirst) {
  History history(file());
  EXPECT_FALSE(history.unfinished()) << "nothing was ever wanted";
  const auto run = history.begin_run("m", "nix", {"a", "b"});
  add(history, run, "a", 3);
  add(history, run, "b", 4, "failed");
  const auto all = History(file()).builds("", 10);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].variant, "b");
  EXPECT_EQ(all[1].seconds, 3);
  EXPECT_EQ(all[1].peak_bytes, 500);
  EXPECT_EQ(history.unfinished().value(), std::vector<std::string>{"b"});
}

TEST_F(BuildHistory, AnEstimateIsTheMedianOfTheSameVariantElseOfItsKind) {
  History history(file());
  const auto run = history.begin_run("m", "nix", {});
  for (const double seconds : {10.0, 30.0, 20.0})
    add(history, run, "p-python313-cuda13_0-sm90-avx2", seconds);
  const Estimate own = history.estimate("p-python313-cuda13_0-sm90-avx2");
  EXPECT_TRUE(own.same_variant);
  EXPECT_EQ(own.seconds, 20);
  EXPECT_EQ(own.low, 10);
  EXPECT_EQ(own.high, 30);
  const Estimate other = history.estimate("p-python313-cuda13_0-sm80-avx2");
  EXPECT_FALSE(other.same_variant);
  EXPECT_EQ(other.samples, 3U);
  EXPECT_EQ(history.estimate("p-python313-cpu-avx2").samples, 0U);
}

TEST_F(BuildHistory, AVariantThatWasBuiltOnOtherMachinesOnlyHasItsOwnTimeAndTheMemoryOfOthers) {
  History history(file());
  const auto run = history.begin_run("m", "nix", {});
  const std::string variant = "p-python313-cuda13_0-sm90-avx2", magma = "magma-2.9.0";
  for (const std::string& name : {variant, magma}) {
    BuildRecord remote{.run = run, .variant = name, .started = 1000, .status = "running"};
    remote.id = history.begin_build(remote);
    remote.status = "built";
    remote.seconds = 100;
    remote.builder = "arm1";
    history.end_build(remote);
  }
  EXPECT_EQ(history.estimate(variant).peak_bytes, 0U) << "nobody measured any: the matrix' settings count";
  add(history, run, "p-python313-cuda13_0-sm80-avx2", 7);
  EXPECT_EQ(history.estimate(variant).peak_bytes, 500U);
  EXPECT_EQ(history.estimate(variant).seconds, 100);
  EXPECT_TRUE(history.estimate(variant).same_variant);
  EXPECT_EQ(history.estimate(magma).peak_bytes, 0U) << "shared work is not a variant";
}

TEST_F(BuildHistory, CarvesAndBuildsOfOneNameAreEstimatedApartAndSharedWorkCountsForNeither) {
  History history(file());
  const auto run = history.begin_run("m", "nix", {});
  add(history, run, "p-python313-cuda13_0-sm90-avx2", 100);
  add(history, run, "cuda13.0-cuda_nvcc-13.0", 1);
  BuildRecord carve{.run = run,
                    .variant = "p-python313-cuda13_0-sm90-avx2",
                    .started = 2000,
                    .status = "running",
                    .carved_from = "p-python313-cuda13_0-sm80_sm90-avx2"};
  carve.id = history.begin_build(carve);
  carve.status = "built";
  carve.seconds = 2;
  history.end_build(carve);
  EXPECT_EQ(history.estimate("p-python313-cuda13_0-sm90-avx2").seconds, 100);
  EXPECT_EQ(history.estimate("p-python313-cuda13_0-sm90-avx2", true).seconds, 2);
  EXPECT_EQ(history.estimate("p-python313-cuda13_0-sm80-avx2", true).seconds, 2);
  EXPECT_EQ(history.estimate("p-python313-cuda13_0-sm80-avx2").samples, 1U);
  EXPECT_EQ(history.builds("*sm90*", 1).front().carved_from, "p-python313-cuda13_0-sm80_sm90-avx2");
}

TEST_F(BuildHistory, ABuildWhoseProcessWasKilledIsLostAndWantedAgain) {
  const pid_t child = ::fork();
  if (child == 0) {
    History history(file());
    const auto run = history.begin_run("m", "nix", {"a"});
    history.begin_build({.run = run, .variant = "a", .started = 1, .status = "running"});
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  History history(file());
  history.mark_lost();
  EXPECT_EQ(history.builds("a", 1).at(0).status, "lost");
  EXPECT_EQ(history.unfinished().value(), std::vector<std::string>{"a"});
}

TEST_F(BuildHistory, TwoProcessesWriteAtOnceAndNothingIsLost) {
  { const History create(file()); }
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      History history(file());
      const auto run = history.begin_run("m", "nix", {});
      for (int j = 0; j < 25; ++j) add(history, run, "v" + std::to_string(i), 1);
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(History(file()).builds("v*", 1000).size(), 100U);
}

// Of SQL in the file itself: what a schema may hold that runs by itself or never ends.
class HostileHistory : public BuildHistory {
 protected:
  void alter(const char* sql) const {
    { const History made(file()); }
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  std::string error_of_list() const {
    try {
      History history(file());
      history.mark_lost();
      history.builds("", 10);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      return error.what();
    }
    return "listed";
  }
};

TEST_F(HostileHistory, AnEndlessViewIsRefused) {
  alter(
      "DROP TABLE builds; CREATE VIEW builds AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 "
      "FROM n) "
      "SELECT id, 1 AS run, 'v' AS variant, 0 AS started, 0 AS seconds, 'built' AS status, '' AS derivation, "
      "'' AS output, '' AS log, "
      "0 AS peak_bytes, 0 AS output_bytes, 0 AS cores, '' AS rule, '' AS verdict, '' AS builder, '' AS "
      "carved_from FROM n");
  EXPECT_NE(error_of_list().find("cannot read the history"), std::string::npos) << error_of_list();
}

TEST_F(HostileHistory, ATriggerDoesNotRun) {
  alter("CREATE TRIGGER t AFTER INSERT ON builds BEGIN DELETE FROM builds; END");
  History history(file());
  add(history, history.begin_run("m", "nix", {}), "a", 3);
  EXPECT_EQ(history.builds("", 10).size(), 1U);
}

TEST_F(HostileHistory, ATextLongerThanAnyThatWasWrittenIsAnError) {
  alter(
      "INSERT INTO builds (run, variant, started, status, verdict) VALUES (1, 'v', 0, 'built', "
      "printf('%.*c', 200000000, 'x'))");
  EXPECT_NE(error_of_list().find("too big"), std::string::npos) << error_of_list();
}

TEST_F(HostileHistory, ProcessesThatCannotBeAreNotAskedFor) {
  alter(
      "INSERT INTO runs VALUES (1, 0, NULL, 'm', 'nix', -1), (2, 0, NULL, 'm', 'nix', 9000000000000000000);"
      "INSERT INTO builds (run, variant, started, status) VALUES (1, 'v', 9223372036854775807, 'running'), "
      "(2, 'w', 0, 'running')");
  EXPECT_EQ(error_of_list(), "listed");
}

TEST_F(BuildHistory, WhatABuildSaysOfItselfIsKeptHoweverLongItIs) {
  History history(file());
  BuildRecord record{
      .run = history.begin_run("m", "nix", {}), .variant = "v", .started = 1, .status = "running"};
  record.id = history.begin_build(record);
  record.verdict = std::string(std::size_t{4} << 20, 'x');
  history.end_build(record);
  EXPECT_EQ(history.builds("", 1).at(0).verdict.size(), std::size_t{64} << 10);
}

TEST_F(BuildHistory, AHistoryOfANewerVersionIsLeftAlone) {
  { const History create(file()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  EXPECT_THROW(History{file()}, Error);
}

}  // namespace
}  // namespace lathe
