// SPDX-License-Identifier: MIT
#include "jobs/builders/builder.h"

#include <gtest/gtest.h>

#include "hardware/catalog.h"
#include "host/cpu.h"

namespace lathe {
namespace {

// Runs the probe's script in a shell of this machine instead of through ssh.
ProcessResult in_a_shell(const Process& process) {
  Process here = process;
  here.arguments = {"sh"};
  return run_process(here);
}

TEST(Builder, WhatTheProofSaysOfThisMachineIsWhatThisProgramSeesItself) {
  const auto builders = probe_builders(read_machines("ssh-ng://me@here x86_64-linux,i686-linux"), in_a_shell);
  ASSERT_EQ(builders.size(), 1U);
  EXPECT_EQ(builders[0].name, "me@here");
  EXPECT_EQ(builders[0].cpu.features, detect_cpu("").features);
#if defined(__x86_64__)
  EXPECT_EQ(builders[0].proof, "CPUID and XCR0");
#endif
  EXPECT_GT(builders[0].memory, builders[0].memory_free);
  EXPECT_GT(builders[0].disk_free, 0U);
  EXPECT_GT(builders[0].cores, 0U);
}

TEST(Builder, OneWithoutAnAnswerIsNotUsed) {
  const auto answer = [](int status, std::string out, std::string err) {
    return [=](const Process&) { return ProcessResult{.exit_status = status, .out = out, .err = err}; };
  };
  const auto machines = read_machines("ssh://a");
  const std::string problem =
      probe_builders(machines, answer(255, "", "ssh: connect to host a port 22: No route to host\r\n"))
          .at(0)
          .problem;
  EXPECT_TRUE(problem.starts_with("ssh: connect to host a port 22: No route to host")) << problem;
  EXPECT_NE(
      probe_builders(machines, answer(0, "torchlathe probe 1\n== nix\n", "")).at(0).problem.find("broke"),
      std::string::npos);
  EXPECT_NE(probe_builders(read_machines("local?root=/x"), answer(0, "", "")).at(0).problem, "");
}

Builder with(const std::string& text) {
  Builder builder{.machine = read_machines("ssh-ng://b x86_64-linux - 1 1 big-parallel").at(0),
                  .systems = {"x86_64-linux"}};
  read_probe(builder, text);
  return builder;
}

TEST(Builder, WithoutAProofTheKernelsListCounts) {
  const Builder builder = with(
      "== nix\nnix-daemon (Nix) 2.8.0\n== kernel\nLinux x86_64\n== cpuinfo\nflags\t\t: fpu avx avx2 fma "
      "bmi1\n== proof\n== end\n");
  EXPECT_EQ(builder.problem, "");
  EXPECT_EQ(builder.proof, "the kernel's list");
  EXPECT_TRUE(builder.cpu.has("avx2"));
  const Isa* isa = catalog().find_isa("avx512");
  EXPECT_NE(why_not_there(builder, {.isa = isa}).find("lacks"), std::string::npos);
  EXPECT_NE(why_not_there(builder, {.system = "aarch64-linux"}), "");
  EXPECT_NE(why_not_there(builder, {.features = {"kvm"}}), "");
  EXPECT_EQ(why_not_there(builder, {.system = "x86_64-linux", .features = {"big-parallel"}}), "");
}

TEST(Builder, ArmsFeaturesAndAnOldNix) {
  const Builder builder = with(
      "== nix\nnix-daemon (Nix) 2.3.16\n== kernel\nLinux aarch64\n== cpuinfo\nFeatures\t: fp asimd sve2\n== "
      "end\n");
  EXPECT_EQ(builder.cpu.machine, Machine::aarch64);
  EXPECT_EQ(builder.proof, "HWCAP");
  EXPECT_TRUE(builder.cpu.has("sve2"));
  EXPECT_EQ(builder.problem, "its Nix is older than 2.4");
}

}  // namespace
}  // namespace lathe
