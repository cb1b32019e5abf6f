// SPDX-License-Identifier: MIT
#include "jobs/builders/nix_probe.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/builders/proof.h"
#include "host/cpu.h"
#include "nix/nix.h"
#include "os/process.h"

namespace lathe {
namespace {

constexpr std::string_view on_it = "building '/nix/store/x.drv' on 'ssh-ng://me@farm'...\n";

// A farm whose ssh runs a daemon that takes a script for a broken greeting. What Nix would build runs here:
// the real program.
struct Farm {
  std::filesystem::path answer =
      std::filesystem::temp_directory_path() / fmt::format("lathe_proof_{}", ::getpid());
  ProcessResult ssh = {.exit_status = 1, .err = "error: serialised integer is too large"};
  ProcessResult ping = {.exit_status = 0, .out = "Store URL: ssh-ng://me@farm\nVersion: 2.18.1\n"};
  ProcessResult build = {.exit_status = 0, .err = std::string(on_it)};
  std::vector<std::string> built_with = {};

  ~Farm() { std::filesystem::remove(answer); }

  ProcessResult operator()(const Process& process) {
    if (process.arguments[0] == "ssh") return ssh;
    if (!process.arguments[0].ends_with("nix-build")) return ping;
    built_with = process.arguments;
    std::filesystem::remove(answer);
    const auto program = std::ranges::find(built_with, "program") + 1;
    const ProcessResult ran = run_process(
        {.arguments = {*program}, .environment = {{"out", answer.string()}}, .empty_environment = true});
    EXPECT_TRUE(ran.ok() && ran.out.empty()) << ran.ending();
    ProcessResult result = build;
    result.out = answer.string() + "\n";
    return result;
  }

  Builder ask(const std::string& line) {
    return probe_builders(read_machines(line), [this](const Process& process) { return (*this)(process); })
        .at(0);
  }
};

class NixProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_nix("nix") || !find_nix("nix-build")) GTEST_SKIP() << "no Nix is here";
    if (proof_program().empty()) GTEST_SKIP() << "not on x86-64";
  }
  Farm farm;
};

TEST_F(NixProbe, TheProofProgramAnswersAsTheBuilderOfADerivation) {
  const Builder builder = farm.ask("ssh-ng://me@farm x86_64-linux - 3 1 big-parallel benchmark");
  EXPECT_EQ(builder.problem, "");
  EXPECT_FALSE(builder.shell);
  EXPECT_EQ(builder.proof, "CPUID and XCR0");
  EXPECT_EQ(builder.cpu.features, detect_cpu("").features);
  EXPECT_EQ(builder.nix, "Nix 2.18.1");
  EXPECT_EQ(builder.memory_free, 0U);
  // One more than the line allows, and what the machine is kept for.
  EXPECT_NE(
      std::ranges::find(farm.built_with, "ssh-ng://me@farm x86_64-linux - 4 1 big-parallel benchmark -"),
      farm.built_with.end());
  EXPECT_NE(std::ranges::find(farm.built_with, "[ \"benchmark\" ]"), farm.built_with.end());
}

TEST_F(NixProbe, EachProofIsBuiltAnew) {
  const auto nonce = [&] {
    farm.ask("ssh-ng://me@farm");
    return *(std::ranges::find(farm.built_with, "nonce") + 1);
  };
  const std::string first = nonce();
  EXPECT_EQ(first.size(), 32U);
  EXPECT_NE(first, nonce());
}

TEST_F(NixProbe, AProofOfAnotherMachineCountsForNothing) {
  farm.build.err = "building '/nix/store/x.drv' on 'ssh-ng://me@other'...\n";
  EXPECT_NE(farm.ask("ssh-ng://me@farm").problem.find("elsewhere"), std::string::npos);
}

TEST_F(NixProbe, FailuresNameTheirCause) {
  const auto problem = [&](std::string err) {
    farm.build = {.exit_status = 1, .err = std::move(err)};
    return farm.ask("ssh-ng://me@farm").problem;
  };
  EXPECT_NE(
      problem("error: unable to start any build; either increase '--max-jobs' or enable remote builds.\n")
          .find("trusted-users"),
      std::string::npos);
  EXPECT_NE(problem("Failed to find a machine for remote build!\nerror: unable to start any build; remote "
                    "machines may not have all\n")
                .find("systems and features"),
            std::string::npos);
  EXPECT_NE(problem("cannot build on 'ssh-ng://me@farm': error: the store is full\nFailed to find\nerror: "
                    "unable to start any build\n")
                .find("the store is full"),
            std::string::npos);
  farm.build = {.signal = 9, .timed_out = true};
  EXPECT_NE(farm.ask("ssh-ng://me@farm").problem.find("within 60 seconds"), std::string::npos);
  farm.ping = {.exit_status = 1,
               .err =
                   "error: cannot open connection to remote store 'ssh-ng://me@farm': error: unexpected "
                   "end-of-file\n"};
  EXPECT_NE(farm.ask("ssh-ng://me@farm").problem.find("does not reach its store: cannot open connection"),
            std::string::npos);
}

TEST_F(NixProbe, WhereNothingCanBeProvenOnlyWhatNeedsNoProofIsBuilt) {
  const Builder builder = farm.ask("ssh://me@farm aarch64-linux");
  EXPECT_EQ(builder.problem, "");
  EXPECT_EQ(builder.proof, "");
  EXPECT_TRUE(farm.built_with.empty());
  EXPECT_NE(why_not_there(builder, {.system = "aarch64-linux", .isa = catalog().find_isa("armv9")})
                .find("not proven"),
            std::string::npos);
  EXPECT_EQ(why_not_there(builder, {.system = "aarch64-linux"}), "");
}

TEST_F(NixProbe, WithoutAShellEveryAnswerOfSshIsASignOfLifeButItsOwnFailure) {
  const Builder builder = farm.ask("ssh-ng://me@farm");
  const auto alive = [&](int status) {
    return answers(builder, [&](const Process&) { return ProcessResult{.exit_status = status}; });
  };
  EXPECT_TRUE(alive(1));
  EXPECT_FALSE(alive(255));
}

TEST_F(NixProbe, OneThatOnlyTheDaemonsSshReachesIsProvenThroughTheDaemon) {
  const char* remote = std::getenv("NIX_REMOTE");
  const std::string before = remote ? remote : "";
  farm.ssh = {.exit_status = 255, .err = "me@farm: Permission denied (publickey)."};
  ::setenv("NIX_REMOTE", "local", 1);
  EXPECT_NE(farm.ask("ssh-ng://me@farm").problem.find("Permission denied"), std::string::npos);
  EXPECT_TRUE(farm.built_with.empty()) << "no daemon, so nobody else to ask";
  ::setenv("NIX_REMOTE", "daemon", 1);
  const Builder builder = farm.ask("ssh-ng://me@farm");
  EXPECT_EQ(builder.problem, "");
  EXPECT_TRUE(builder.by_daemon);
  EXPECT_EQ(builder.cpu.features, detect_cpu("").features);
  EXPECT_TRUE(answers(builder, [this](const Process& process) { return farm(process); }));
  farm.build = {.exit_status = 1,
                .err =
                    "cannot build on 'ssh-ng://me@farm': error: failed to start SSH connection\nerror: "
                    "unable to start any build\n"};
  EXPECT_FALSE(answers(builder, [this](const Process& process) { return farm(process); }));
  const std::string problem = farm.ask("ssh-ng://me@farm").problem;
  EXPECT_NE(problem.find("Permission denied (publickey).; through Nix's daemon: cannot build on"),
            std::string::npos)
      << problem;
  before.empty() ? ::unsetenv("NIX_REMOTE") : ::setenv("NIX_REMOTE", before.c_str(), 1);
}

TEST(StoreUri, TakesKeyAndHostKeyAlong) {
  EXPECT_EQ(store_uri(read_machines("ssh-ng://h?a=b - /root/k.1 1 1 - - c3No+w==").at(0)),
            "ssh-ng://h?a=b&ssh-key=%2Froot%2Fk%2E1&base64-ssh-public-host-key=c3No%2Bw%3D%3D");
  EXPECT_EQ(store_uri(read_machines("ssh://h").at(0)), "ssh://h");
}

}  // namespace
}  // namespace lathe
