// SPDX-License-Identifier: MIT
// Inspections are put together by hand here; tests/cli/verify-real.test holds real libraries against their
// names.
#include "verify/verify.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "cpu/cpu_scan.h"
#include "cpu/isa/isa.h"
#include "device/cuda_target.h"
#include "device/target.h"

namespace lathe {
namespace {

TargetCode cubin(std::string_view gpu) {
  return {.target = cuda_target(parse_capability(gpu)->capability), .kind = ImageKind::native};
}
TargetCode ptx(std::string_view gpu) {
  return {.target = cuda_target(parse_capability(gpu)->capability), .kind = ImageKind::portable};
}

// A library with `count` containers that each hold `codes`.
FileInspection library(std::vector<TargetCode> codes, std::size_t count = 10) {
  FileInspection file{
      .path = "lib/libtorch_cuda.so", .size = 1000, .format = "shared object", .machine = "x86_64"};
  for (const TargetCode& each : codes)
    file.gpu.push_back({.code = each, .images = count, .bytes = count * 100'000});
  file.containers = count;
  file.toolkits = {"13.0"};
  file.shapes = {{.codes = std::move(codes), .count = count}};
  return file;
}

FileInspection host_library() {
  return {.path = "lib/libtorch_cpu.so", .size = 1000, .format = "shared object", .machine = "x86_64"};
}

BuildPromise promised(std::string_view name) { return promise_of(parse_variant_name(name)); }

std::vector<std::string> rules_of(const BuildPromise& promise, std::vector<FileInspection> files) {
  std::vector<std::string> rules;
  for (const Finding& finding : verify(promise, Inspection{.files = std::move(files)}).findings)
    rules.push_back(finding.rule);
  return rules;
}

using Rules = std::vector<std::string>;
const std::string sm90 = "pytorch-python313-cuda13_0-sm90-avx2";

TEST(Verify, ABuildWithExactlyThePromisedGpuKeepsItsPromise) {
  EXPECT_EQ(rules_of(promised(sm90), {host_library(), library({cubin("9.0")})}), Rules{});
  EXPECT_EQ(rules_of(promised("pytorch-python313-cuda13_0-sm90a-avx2"), {library({cubin("9.0a")})}), Rules{});
}

TEST(Verify, CodeThatNeedsANewerDriverThanTheOneAskedForIsAnError) {
  BuildPromise promise = promised("pytorch-python313-cuda12_4-sm90-avx2");
  FileInspection packed = library({cubin("9.0")});
  packed.toolkits = {"12.4"};
  packed.zstd_images = 3;
  EXPECT_EQ(rules_of(promise, {packed}), Rules{});
  promise.driver = Version::parse("550.54.14");
  EXPECT_EQ(rules_of(promise, {packed}), Rules{});
  promise.driver = Version::parse("535.104.05");
  const Verification result = verify(promise, Inspection{.files = {host_library(), packed}});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].rule, "driver-old");
  EXPECT_EQ(result.findings[0].what,
            "needs driver 550.54.14 or newer because of zstd, and is meant for 535.104.05");
  EXPECT_EQ(result.findings[0].evidence.size(), 1u);
  ASSERT_TRUE(result.least_driver);
  EXPECT_EQ(result.least_driver->because, "zstd");
  packed.zstd_images = 0;
  EXPECT_EQ(rules_of(promise, {packed}), Rules{});
}

TEST(Verify, ACpuOnlyBuildUnderTheNameOfAGpuIsAnErrorWithItsCause) {
  const Verification result = verify(promised(sm90), Inspection{.files = {host_library()}});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].rule, "cpu-only");
  EXPECT_NE(result.findings[0].cause.find("overrideAttrs"), std::string::npos);
  EXPECT_FALSE(result.kept());
}

TEST(Verify, DeviceCodeThatNobodyLinkedIsNoCpuOnlyBuild) {
  FileInspection file = host_library();
  file.containers_relocatable = 3;
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{"not-linked"});
  EXPECT_EQ(rules_of(promised(sm90), {file, library({cubin("9.0")})}), Rules{});
}

TEST(Verify, ALibraryThatPicksAmongItsContainersNeedsOneThatFits) {
  FileInspection file = library({cubin("9.0")}, 3);
  file.shapes.push_back({.codes = {cubin("8.0")}, .count = 2});
  EXPECT_EQ(rules_of(promised(sm90), {file}), (Rules{"gpu-missing"}));
  file.picks_itself = true;
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{});
  // a leftover
  file.shapes = {{.codes = {cubin("8.0")}, .count = 500}, {.codes = {cubin("9.0")}, .count = 1}};
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{"gpu-missing"});
}

TEST(Verify, KernelsForOtherGpusAloneBreakNoPromise) {
  FileInspection file = library({cubin("9.0")}, 60);
  file.shapes.push_back({.codes = {cubin("10.0a")}, .count = 40});
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{});
  const std::string both = "pytorch-python313-cuda13_0-sm90_sm120-avx2";
  FileInspection wide = library({cubin("9.0"), cubin("12.0")}, 60);
  wide.shapes.push_back({.codes = {cubin("9.0")}, .count = 10});
  EXPECT_EQ(rules_of(promised(both), {wide}), Rules{"gpu-narrower"});
  EXPECT_TRUE(verify(promised(both), Inspection{.files = {wide}}).kept());
  wide.shapes.back().count = 70;  // most of the file: that is what it is for
  EXPECT_EQ(rules_of(promised(both), {wide}), Rules{"gpu-missing"});
}

TEST(Verify, APromisedGpuThatOneContainerMissesIsAnErrorThatNamesTheFile) {
  FileInspection half = library({cubin("8.0")}, 3);
  half.path = "lib/libmagma.so";
  const Verification result = verify(promised(sm90), Inspection{.files = {library({cubin("9.0")}), half}});
  ASSERT_FALSE(result.findings.empty());
  EXPECT_EQ(result.findings[0].rule, "gpu-missing");
  EXPECT_EQ(result.findings[0].evidence.at(0).where.file, "lib/libmagma.so");
  EXPECT_EQ(rules_of(promised(sm90), {library({cubin("12.0")})}), (Rules{"gpu-missing", "gpu-extra"}));
}

TEST(Verify, CodeThatRunsThereButWasMadeForAnotherGpuIsMisnamed) {
  EXPECT_EQ(rules_of(promised("pytorch-python313-cuda13_0-sm89-avx2"), {library({cubin("8.6")})}),
            (Rules{"gpu-other", "gpu-extra"}));
  EXPECT_EQ(rules_of(promised("pytorch-python313-cuda13_0-sm89-avx2"),
                     {library({cubin("8.9")}), library({cubin("8.6")}, 1)}),
            (Rules{"gpu-through", "gpu-extra"}));
}

TEST(Verify, APromisedSuffixThatNoImageHasIsAWarning) {
  EXPECT_EQ(rules_of(promised("pytorch-python313-cuda13_0-sm90a-avx2"), {library({cubin("9.0")})}),
            Rules{"gpu-suffix"});
}

TEST(Verify, WhatNobodyAskedForIsCountedInBytes) {
  const Verification result =
      verify(promised(sm90), Inspection{.files = {library({cubin("8.0"), cubin("9.0"), cubin("12.0")})}});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].rule, "gpu-extra");
  EXPECT_NE(result.findings[0].what.find("2.0 MB"), std::string::npos) << result.findings[0].what;
  EXPECT_EQ(result.findings[0].fix, "build it for 9.0 alone");
  EXPECT_TRUE(result.kept());
}

TEST(Verify, WhatDropsTheRestIsAskedOfWhoeverWouldDoIt) {
  const Verification result =
      verify(promised(sm90), Inspection{.files = {library({cubin("8.0"), cubin("9.0")})}},
             [](const BuildPromise& promise) { return "ask for " + promise.name; });
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].fix, "ask for " + sm90);
}

TEST(Verify, PtxIsMissedOnlyWhereTheMatrixAsksForIt) {
  BuildPromise promise = promised(sm90);
  promise.ptx = true;
  EXPECT_EQ(rules_of(promise, {library({cubin("9.0")})}), Rules{"ptx-missing"});
  EXPECT_EQ(rules_of(promise, {library({cubin("9.0"), ptx("9.0")})}), Rules{});
  EXPECT_EQ(rules_of(promised(sm90), {library({cubin("9.0"), ptx("9.0")})}), Rules{"gpu-extra"});
}

TEST(Verify, AnotherMajorReleaseOfCudaThanPromisedIsAnError) {
  FileInspection file = library({cubin("9.0")});
  file.toolkits = {"12.9"};
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{"cuda-other"});
}

TEST(Verify, AProfilerWithoutCuptiIsAWarningWhereAGpuIsPromised) {
  FileInspection blind = library({cubin("9.0")});
  blind.profiles_gpu = false;
  EXPECT_EQ(rules_of(promised(sm90), {blind}), Rules{"profiler"});
  FileInspection seeing = library({cubin("9.0")});
  seeing.profiles_gpu = true;
  EXPECT_EQ(rules_of(promised(sm90), {seeing}), Rules{});
  EXPECT_EQ(rules_of(promised(sm90), {blind, seeing}), Rules{});
  FileInspection host = host_library();
  host.profiles_gpu = false;
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {host}), Rules{});
}

TEST(Verify, AnotherMachineAndNoMachineCodeAreErrors) {
  FileInspection arm = host_library();
  arm.machine = "aarch64";
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {arm}), Rules{"machine"});
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {}), Rules{"no-code"});
}

CpuScan scanned(std::initializer_list<std::pair<std::string_view, CpuReach>> uses) {
  CpuScan scan{.machine = Machine::x86_64};
  for (const auto& [name, reach] : uses) {
    const auto extension = static_cast<std::size_t>(*find_extension(name, Machine::x86_64));
    ++scan.extensions[extension];
    ++scan.by_reach[static_cast<std::size_t>(reach)][extension];
    if (reach == CpuReach::unknown) scan.undecided.set(extension);
    if (reach != CpuReach::dispatched && reach != CpuReach::by_pointer && reach != CpuReach::unknown) {
      scan.required.set(extension);
    }
    ExtensionSet needs;
    needs.set(extension);
    scan.kept.push_back({.name = "f",
                         .address = 16,
                         .reach = reach,
                         .needs = needs,
                         .instructions = 1,
                         .first = 16,
                         .why = "exported"});
  }
  return scan;
}

TEST(Verify, OrdinaryInstructionsAboveThePromiseAreAnErrorWithTheFunction) {
  FileInspection file = host_library();
  file.cpu = scanned({{"avx2", CpuReach::unguarded}, {"avx512f", CpuReach::leaked}});
  const Verification result = verify(promised("pytorch-python313-cpu-avx2"), Inspection{.files = {file}});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].rule, "isa-above");
  EXPECT_EQ(result.findings[0].evidence.at(0).symbol, "f");
  EXPECT_TRUE(result.cpu_scanned);
}

TEST(Verify, DispatchedInstructionsBreakNoPromiseAndKeepNone) {
  FileInspection file = host_library();
  file.cpu = scanned({{"avx512f", CpuReach::dispatched}, {"avx2", CpuReach::unguarded}});
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {file}), Rules{});
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx512"), {file}), Rules{"isa-unused"});
}

TEST(Verify, WhatTheScanCannotDecideIsAWarningWithItsEvidence) {
  FileInspection file = host_library();
  file.cpu = scanned({{"avx512f", CpuReach::unknown}, {"avx2", CpuReach::unguarded}});
  const Verification result = verify(promised("pytorch-python313-cpu-avx2"), Inspection{.files = {file}});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].rule, "isa-unknown");
  EXPECT_EQ(result.findings[0].severity, Severity::warning);
  EXPECT_EQ(result.findings[0].evidence.at(0).symbol, "f");
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx512"), {file}), Rules{});
}

TEST(Verify, AFileThatIsPickedByTheProcessorBreaksNoPromise) {
  FileInspection ordinary = host_library(), picked = host_library();
  ordinary.cpu = scanned({{"avx2", CpuReach::unguarded}});
  picked.cpu = scanned({{"avx512f", CpuReach::unguarded}, {"avx2", CpuReach::unguarded}});
  picked.cpu->picked_by_name = true;
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {ordinary, picked}), Rules{});
  EXPECT_EQ(rules_of(promised("pytorch-python313-cpu-avx2"), {picked}), Rules{"isa-above"})
      << "nothing else to load";
}

TEST(Verify, ADamagedFileIsAnErrorWhateverItHolds) {
  FileInspection file = library({cubin("9.0")});
  file.findings.add({.rule = "fatbin",
                     .severity = Severity::error,
                     .where = {},
                     .what = "a container is cut off",
                     .fix = {}});
  EXPECT_EQ(rules_of(promised(sm90), {file}), Rules{"damaged"});
}

TEST(Verify, AGpuPromiseComesFromTheMatrixToo) {
  const BuildPromise promise = promised("pytorch-python313-cuda13_0-sm90-avx2");
  EXPECT_EQ(promise.isa->name, "avx2");
  ASSERT_TRUE(promise.cuda);
  EXPECT_EQ(promise.cuda->text(), "13.0");
  EXPECT_EQ(promise.gpus, std::vector{parse_capability("9.0")->capability});
}

}  // namespace
}  // namespace lathe
