// SPDX-License-Identifier: MIT
#include "host/nvml.h"
#include "hardware/capability.h"
#include "testing/test_paths.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace lathe {
namespace {

using Outcome = NvmlReport::Outcome;

NvmlReport ask(const char* mood, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  ::setenv("FAKE_NVML", mood, 1);
  NvmlReport report =
      ask_nvml({.libraries = {testing::fake_nvml_library}, .cuda_libraries = {}, .time_limit = limit});
  ::unsetenv("FAKE_NVML");
  return report;
}

TEST(Nvml, TellsOfGpusDriverAndSlices) {
  const NvmlReport report = ask("");
  ASSERT_EQ(report.outcome, Outcome::answered) << report.what;
  EXPECT_EQ(report.driver->text(), "580.65.06");
  EXPECT_EQ(report.cuda->text(), "13.0");
  EXPECT_FALSE(report.libcuda);
  ASSERT_EQ(report.gpus.size(), 2u);
  EXPECT_EQ(report.gpus[0].name, "NVIDIA GB10");
  EXPECT_EQ(report.gpus[0].capability, (Capability{12, 1}));
  EXPECT_FALSE(report.gpus[0].memory.has_value()) << "it shares the machine's memory";
  EXPECT_EQ(report.gpus[0].pci_device, 0x2e12);
  EXPECT_EQ(report.gpus[0].pci_address, "0000:0f:00.0");
  EXPECT_TRUE(report.gpus[1].mig);
  ASSERT_EQ(report.gpus[1].slices.size(), 2u);
  EXPECT_EQ(report.gpus[1].slices[1].memory, 20937965568u);
}

TEST(Nvml, AHangIsCutOff) {
  const auto start = std::chrono::steady_clock::now();
  const NvmlReport report = ask("hang", std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(report.outcome, Outcome::hung);
  EXPECT_EQ(report.what, "NVIDIA's management library did not answer within 0.2 s");
}

TEST(Nvml, ACrashAndASilentEndAreReported) {
  EXPECT_EQ(ask("crash").outcome, Outcome::crashed);
  EXPECT_EQ(ask("crash").what, "NVIDIA's management library crashed (Aborted)");
  EXPECT_EQ(ask("exit").what, "NVIDIA's management library ended without an answer");
}

TEST(Nvml, NonsenseIsNotBelieved) {
  const NvmlReport report = ask("nonsense");
  ASSERT_EQ(report.outcome, Outcome::answered);
  EXPECT_FALSE(report.driver.has_value());
  EXPECT_FALSE(report.cuda.has_value());
  ASSERT_EQ(report.gpus.size(), 2u);
  EXPECT_FALSE(report.gpus[0].capability.has_value());
  EXPECT_EQ(report.gpus[0].name.substr(0, 8), "\\x01\\x01");
  EXPECT_EQ(report.notes.size(), 2u);
  EXPECT_EQ(ask("many").what, "NVIDIA's management library cannot answer: it reports 4000000000 GPUs");
}

TEST(Nvml, ALibraryOfAnotherDriverSaysSo) {
  const NvmlReport report = ask("mismatch");
  EXPECT_EQ(report.outcome, Outcome::failed);
  EXPECT_EQ(report.what, "NVIDIA's management library cannot answer: Driver/library version mismatch");
  EXPECT_EQ(ask("not-loaded").outcome, Outcome::failed);
}

TEST(Nvml, AGpuThatDoesNotAnswerIsANote) {
  const NvmlReport report = ask("lost");
  EXPECT_EQ(report.gpus.size(), 1u);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_EQ(report.notes[0].rule, "gpu-lost");
}

TEST(Nvml, NoLibraryIsNoError) {
  const NvmlReport report = ask_nvml({.libraries = {"/nowhere/libnvidia-ml.so.1"}});
  EXPECT_EQ(report.outcome, Outcome::no_library);
}

}  // namespace
}  // namespace lathe
