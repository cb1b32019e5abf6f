// SPDX-License-Identifier: MIT
#include "jobs/run.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "os/process.h"
#include "testing/few_threads.h"
#include "testing/recording_driver.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

struct Counter : BuildObserver {
  void started(const Job&) override { ++starts; }
  void finished(const Job& job) override {
    ends += job.state == JobState::cached || job.state == JobState::built ? 1 : 0;
  }
  std::size_t starts = 0, ends = 0;
};

class RunBuilds : public ::testing::Test {
 protected:
  RunBuilds() : history_(folder_.path() / "history.db") {
    for (const char* name : {"a", "b", "c", "d", "e"}) jobs_.push_back({.name = name});
    options_.state = folder_.path();
    options_.capacities = {{.slots = 3}};
    options_.driver = &driver_;
    options_.with.run = [](const Process&) { return ProcessResult{.exit_status = 0}; };
  }

  const testing::ScratchFolder folder_;
  History history_;
  Jobs jobs_;
  testing::RecordingDriver driver_;
  RunOptions options_;
};

TEST_F(RunBuilds, AsksItsDriverForEachJobOnceAndKeepsWhatCameOut) {
  options_.capacities = {{.slots = 1}};
  Counter counter;
  run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), counter);
  EXPECT_EQ(driver_.asked(), (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(jobs_[JobIndex{2}].outputs, (std::vector<std::string>{"/nowhere/c"}));
}

TEST_F(RunBuilds, EndsEveryJob) {
  Counter counter;
  run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), counter);
  EXPECT_EQ(counter.starts, 5U);
  EXPECT_EQ(counter.ends, 5U);
}

TEST_F(RunBuilds, WhereNoThreadCanBeStartedTheJobsRunOneAfterAnother) {
  const auto in_child = [&] {
    if (!testing::refuse_threads()) std::_Exit(77);
    Counter counter;
    run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), counter);
    std::_Exit(counter.starts == 5 && counter.ends == 5 ? 0 : 1);
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

// Standard output that is full, above all: what is shown throws in the thread of a job.
TEST_F(RunBuilds, AnObserverThatThrowsEndsTheRunAndNotTheProgram) {
  struct Throws : BuildObserver {
    void finished(const Job&) override {
      throw Error({.what = "cannot write standard output", .kind = ErrorKind::fault});
    }
  } observer;
  EXPECT_THROW(run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), observer),
               Error);
  for (const BuildRecord& record : history_.builds("", 10))
    EXPECT_NE(record.status, "running") << record.variant;
}

TEST_F(RunBuilds, AnObserverThatThrowsAtTheStartOfAJobEndsTheRunToo) {
  struct Throws : BuildObserver {
    void started(const Job&) override {
      throw Error({.what = "cannot write standard output", .kind = ErrorKind::fault});
    }
  } observer;
  EXPECT_THROW(run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), observer),
               Error);
}

}  // namespace
}  // namespace lathe
