// SPDX-License-Identifier: MIT
#include "jobs/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

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

class RunFailingBuilds : public RunBuilds {
 protected:
  struct Notes : BuildObserver {
    void note(const std::string& text) override { notes.push_back(text); }
    std::vector<std::string> notes;
  };

  // Every build ends with what `line` says of it; one at a time.
  std::vector<JobState> states_after(const std::function<std::string(const std::string&)>& line) {
    options_.capacities = {{.slots = 1}};
    options_.with.run = [&](const Process& process) {
      const std::string said = line(process.arguments.at(1));
      if (said.empty()) return ProcessResult{.exit_status = 0};
      process.on_line(Stream::err, said);
      return ProcessResult{.exit_status = 1};
    };
    run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), observer_);
    std::vector<JobState> states;
    for (const Job& job : jobs_) states.push_back(job.state);
    return states;
  }

  Notes observer_;
  static constexpr JobState failed = JobState::failed, stopped = JobState::stopped;
};

TEST_F(RunFailingBuilds, ACauseThatTheRestSharesStopsThemAfterThreeAndIsSaidOnce) {
  const auto states =
      states_after([](const std::string&) { return "cp: write error: No space left on device"; });
  EXPECT_EQ(states, (std::vector{failed, failed, failed, stopped, stopped}));
  ASSERT_EQ(observer_.notes.size(), 1U);
  EXPECT_TRUE(
      observer_.notes[0].starts_with("3 builds in a row failed for one reason: the disk is full; the other 2 "
                                     "are not started\n  fix: free space"))
      << observer_.notes[0];
  EXPECT_EQ(jobs_[JobIndex{4}].reason, "it would fail too: the disk is full");
}

TEST_F(RunFailingBuilds, WhoAsksForItGetsTheRestTried) {
  options_.keep_going = true;
  const auto states =
      states_after([](const std::string&) { return "cp: write error: No space left on device"; });
  EXPECT_EQ(states, std::vector(5, failed));
  EXPECT_TRUE(observer_.notes.empty());
}

TEST_F(RunFailingBuilds, ABuildThatGoesWellOrFailsOtherwiseBeginsTheCountAnew) {
  const auto states = states_after(
      [](const std::string& name) { return name == "c" ? "" : "cp: write error: No space left on device"; });
  EXPECT_EQ(states, (std::vector{failed, failed, JobState::cached, failed, failed}));
}

TEST_F(RunFailingBuilds, CausesOfTheirOwnStopNothing) {
  const auto compile = states_after(
      [](const std::string&) { return "nvcc fatal   : Unsupported gpu architecture 'compute_70'"; });
  EXPECT_EQ(compile, std::vector(5, failed));
}

TEST_F(RunFailingBuilds, ASourceThatIsGoneStopsThoseThatWantTheSame) {
  const auto gone = [](const std::string& name) {
    return "error: unable to download 'https://example.org/" + name + ".tar.gz': HTTP error 404";
  };
  EXPECT_EQ(states_after(gone), std::vector(5, failed));
  for (Job& job : jobs_) job.state = JobState::waiting;
  EXPECT_EQ(states_after([&](const std::string&) { return gone("one"); }),
            (std::vector{failed, failed, failed, stopped, stopped}));
}

TEST_F(RunFailingBuilds, ABuilderWithAFullDiskGetsNoMoreAndTheOthersGoOn) {
  std::atomic<bool> given_up = false;
  struct Waits : BuildObserver {
    explicit Waits(std::atomic<bool>& said) : said_(said) {}
    void note(const std::string& text) override {
      EXPECT_TRUE(text.starts_with(
          "3 builds in a row failed for one reason on full: the disk is full; it gets no more builds"))
          << text;
      said_ = true;
    }
    std::atomic<bool>& said_;
  } observer(given_up);
  options_.with.builders = {{.name = "full"}, {.name = "good"}};
  options_.capacities = {{.slots = 1}, {.slots = 1}};
  options_.with.run = [&](const Process& process) {
    const auto job = std::ranges::find(jobs_, process.arguments.at(1), &Job::name);
    if (job->builder == "full") {
      process.on_line(Stream::err, "cp: write error: No space left on device");
      return ProcessResult{.exit_status = 1};
    }
    for (int i = 0; i < 3000 && !given_up; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return ProcessResult{.exit_status = 0};
  };
  run_builds(jobs_, options_, history_, history_.begin_run("m", "recording", {}), observer);
  EXPECT_TRUE(given_up);
  EXPECT_EQ(std::ranges::count(jobs_, failed, &Job::state), 3);
  EXPECT_EQ(std::ranges::count(jobs_, JobState::cached, &Job::state), 2);
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
