// SPDX-License-Identifier: MIT
#include "os/process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "base/error.h"
#include "testing/few_threads.h"

namespace lathe {
namespace {

using namespace std::chrono_literals;

ProcessResult shell(const std::string& script, Process process = {}) {
  process.arguments = {"/bin/sh", "-c", script};
  return run_process(process);
}

// Does it still run? One that is dead but not yet collected by init does not.
bool alive(const std::string& pid) {
  std::ifstream stat("/proc/" + std::to_string(std::stol(pid)) + "/stat");
  std::string number, name, state;
  return (stat >> number >> name >> state) && state != "Z";
}

bool gone_soon(const std::string& pid) {
  for (int i = 0; i < 200 && alive(pid); ++i) std::this_thread::sleep_for(10ms);
  return !alive(pid);
}

TEST(RunProcess, CapturesBothStreamsAndTheExitStatus) {
  const ProcessResult result = shell("echo to out; echo to err >&2; exit 3");
  EXPECT_EQ(result.out, "to out\n");
  EXPECT_EQ(result.err, "to err\n");
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.ending(), "exit status 3");
  EXPECT_GT(result.peak_bytes, 0u);
}

TEST(RunProcess, ArgumentsReachTheProgramUnchanged) {
  const ProcessResult result = run_process({.arguments = {"printf", "%s|", "a b", "$HOME", "", "'\"\n"}});
  EXPECT_EQ(result.out, "a b|$HOME||'\"\n|");
}

TEST(RunProcess, InputLargerThanAPipeArrivesWhole) {
  const std::string input(1 << 20, 'x');
  const ProcessResult result = run_process({.arguments = {"cat"}, .input = input});
  EXPECT_EQ(result.out.size(), input.size());
  EXPECT_EQ(shell("cat; echo end").out, "end\n");
}

TEST(RunProcess, AProgramThatDoesNotReadItsInputIsNoTrouble) {
  EXPECT_TRUE(run_process({.arguments = {"true"}, .input = std::string(1 << 20, 'x')}).ok());
}

TEST(RunProcess, EditsTheEnvironmentAndTheFolder) {
  ::setenv("LATHE_TEST_GONE", "1", 1);
  const ProcessResult result = shell(
      "echo \"$LATHE_TEST_NEW-${LATHE_TEST_GONE-unset}\"; pwd",
      {.environment = {{"LATHE_TEST_NEW", "new"}, {"LATHE_TEST_GONE", std::nullopt}}, .folder = "/usr"});
  ::unsetenv("LATHE_TEST_GONE");
  EXPECT_EQ(result.out, "new-unset\n/usr\n");
  EXPECT_EQ(
      run_process({.arguments = {"env"}, .environment = {{"ONLY", "this"}}, .empty_environment = true}).out,
      "ONLY=this\n");
}

TEST(RunProcess, SaysWhatCouldNotBeStarted) {
  EXPECT_THROW(run_process({}), Error);
  try {
    run_process({.arguments = {"no-such-program-anywhere"}});
    FAIL() << "ran a program that does not exist";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the program \"no-such-program-anywhere\" is not in PATH");
    EXPECT_EQ(error.exit_code(), 3);
  }
  try {
    run_process({.arguments = {"true"}, .folder = "/no/such/folder"});
    FAIL() << "entered a folder that does not exist";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "/no/such/folder: cannot enter the folder: No such file or directory");
  }
  EXPECT_THROW(run_process({.arguments = {"/etc/passwd"}}), Error);
}

TEST(RunProcess, ATimeLimitEndsTheWholeGroup) {
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult result = shell("sleep 60 & echo $!; sleep 60", {.time_limit = 200ms});
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.signal, SIGKILL);
  EXPECT_EQ(result.ending(), "ran longer than allowed");
  ASSERT_FALSE(result.out.empty());
  EXPECT_TRUE(gone_soon(result.out));
}

TEST(RunProcess, SilenceIsLimitedApartFromTheWholeTime) {
  const ProcessResult result =
      shell("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 60", {.quiet_limit = 400ms});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.out, "1\n2\n3\n4\n5\n6\n");
}

TEST(RunProcess, TheGraceLetsAProgramCleanUp) {
  const ProcessResult result = shell("trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done",
                                     {.time_limit = 200ms, .grace = 10s});
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.out, "cleaned\n");
}

TEST(RunProcess, AProgramThatClosesItsOutputIsStillLimited) {
  const ProcessResult result = shell("exec >&- 2>&-; sleep 60", {.time_limit = 200ms});
  EXPECT_TRUE(result.timed_out);
}

TEST(RunProcess, AChildLeftBehindDoesNotHoldUpTheResult) {
  const auto start = std::chrono::steady_clock::now();
  const ProcessResult result = shell("sleep 60 & echo $!; exit 5");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_EQ(result.exit_status, 5);
  EXPECT_TRUE(gone_soon(result.out));
}

TEST(RunProcess, StopsWhenAsked) {
  std::atomic<bool> stop = false;
  std::jthread asker([&] {
    std::this_thread::sleep_for(100ms);
    stop = true;
  });
  const ProcessResult result = shell("sleep 60", {.stop = &stop});
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.ending(), "was stopped");
}

TEST(RunProcess, MemoryIsLimited) {
  const ProcessResult result =
      run_process({.arguments = {"python3", "-c", "x = bytearray(1 << 30)"}, .memory_limit = 512u << 20});
  EXPECT_FALSE(result.ok());
  EXPECT_NE(result.err.find("MemoryError"), std::string::npos) << result.err;
}

TEST(RunProcess, NamesTheSignalThatEndedIt) {
  const ProcessResult result = shell("kill -SEGV $$");
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_EQ(result.exit_status, -1);
  EXPECT_EQ(result.ending(), "signal 11 (Segmentation fault)");
}

TEST(RunProcess, KeepsOutputWithinItsLimitAndReadsOn) {
  const ProcessResult result = shell("head -c 1000000 /dev/zero; echo done >&2", {.output_limit = 1000});
  EXPECT_EQ(result.out.size(), 1000u);
  EXPECT_TRUE(result.truncated);
  EXPECT_EQ(result.err, "done\n");
  EXPECT_TRUE(result.ok());
}

TEST(RunProcess, StreamsLinesAndCutsLongOnes) {
  std::vector<std::string> lines;
  const ProcessResult result =
      shell("printf 'a\\n\\nlong line\\nlast'",
            {.on_line = [&](Stream, std::string_view line) { lines.emplace_back(line); }, .line_limit = 6});
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", "long l", "ine", "last"}));
  EXPECT_TRUE(result.out.empty());
}

TEST(RunProcess, ACallbackThatThrowsEndsTheProgram) {
  std::string pid;
  const auto fail_on_line = [&](Stream, std::string_view line) {
    pid = line;
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(shell("echo $$; exec sleep 60", {.on_line = fail_on_line}), std::runtime_error);
  ASSERT_FALSE(pid.empty());
  EXPECT_EQ(::kill(static_cast<pid_t>(std::stol(pid)), 0), -1);  // collected too: no zombie is left
}

TEST(RunProcess, NoDescriptorLeaksIntoTheProgram) {
  const int leaky = ::dup(2);  // not close-on-exec, as a careless library would leave it
  const ProcessResult result = shell("ls /proc/self/fd | wc -l");
  ::close(leaky);
  EXPECT_EQ(result.out, "4\n");  // 0, 1, 2 and the folder that ls reads
}

TEST(RunProcess, ManyThreadsRunProgramsAtOnce) {
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        for (int j = 0; j < 5; ++j) good += shell(fmt::format("echo {}", i)).out == fmt::format("{}\n", i);
      });
    }
  }
  EXPECT_EQ(good, 40);
}

TEST(FindProgram, LooksInPathOrTakesAPath) {
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
  EXPECT_FALSE(find_program("/etc/passwd"));
  EXPECT_FALSE(find_program("/usr"));
  EXPECT_FALSE(find_program(""));
}

TEST(RunProcess, WhereNoProcessCanBeStartedItIsAskedForAgainForAWhile) {
  const auto in_child = [] {
    if (!testing::refuse_processes()) std::_Exit(77);
    const auto start = std::chrono::steady_clock::now();
    try {
      shell("true");
      std::_Exit(1);
    } catch (const Error& error) {
      const auto waited = std::chrono::steady_clock::now() - start;
      const bool said = std::string(error.what()).find("cannot start a process") != std::string::npos &&
                        error.exit_code() == 3;
      std::_Exit(said && waited >= 2s && waited < 20s ? 0 : 2);
    }
  };
  EXPECT_EXIT(in_child(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lathe
