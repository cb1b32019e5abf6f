// SPDX-License-Identifier: MIT
#include "select/examine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/finding.h"
#include "device/cuda_target.h"
#include "hardware/compat.h"
#include "host/named_host.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// A library with three containers that hold `codes`, and with `special` ones.
Inspection all_of(const std::vector<DeviceCode>& codes, const std::vector<DeviceCode>& special = {}) {
  FileInspection file{.path = "lib/libtorch_cuda.so", .format = "shared object"};
  const auto add = [&](const std::vector<DeviceCode>& some, std::size_t count) {
    file.shapes.push_back({.count = count});
    for (const DeviceCode& code : some) file.shapes.back().codes.push_back(cuda_code(code));
  };
  add(codes, 3);
  if (!special.empty()) add(special, 2);
  return {.files = {std::move(file)}};
}

HostInfo machine(const std::string& gpu, const std::string& driver) {
  return made_up_host({.gpus = {gpu}, .cpu = "Zen 4", .driver = driver});
}

std::string rules(const ExaminedTorch& torch) {
  std::string text;
  for (const Finding& finding : torch.findings) text += (text.empty() ? "" : " ") + finding.rule;
  return text;
}

const InstalledTorch cuda13 = {.folder = "/x/torch", .version = "2.11.0+cu130", .cuda = "13.0"};

TEST(Examine, CodeForTheGpuIsNothingToSay) {
  EXPECT_EQ(rules(examine(cuda13, all_of({{{9, 0}, CodeKind::cubin}}), machine("H200", "580.65.06"))), "");
  EXPECT_EQ(rules(examine(cuda13, Inspection{}, machine("none", ""))), "");
}

TEST(Examine, KernelsForOtherGpusAloneAreNoObstacleWhereTheRestRuns) {
  const Inspection hopper_too = all_of({{{8, 6}, CodeKind::cubin}}, {{{9, 0, 'a'}, CodeKind::cubin}});
  EXPECT_EQ(rules(examine(cuda13, hopper_too, machine("RTX 3090", "580.65.06"))), "");
  EXPECT_EQ(rules(examine(cuda13, hopper_too, machine("H200", "580.65.06"))), "no-code");
}

TEST(Examine, PackedImagesCanNeedANewerDriverThanTheirToolkit) {
  const InstalledTorch cuda124 = {.folder = "/x/torch", .version = "2.6.0+cu124", .cuda = "12.4"};
  Inspection packed = all_of({{{9, 0}, CodeKind::cubin}});
  packed.files[0].zstd_images = 2;
  const ExaminedTorch old = examine(cuda124, packed, machine("H200", "535.104.05"));
  ASSERT_EQ(rules(old), "driver");
  EXPECT_EQ(old.findings[0].what, "needs driver 550.54.14 or newer because of zstd; this is 535.104.05");
  EXPECT_EQ(rules(examine(cuda124, packed, machine("H200", "550.54.14"))), "");
  packed.files[0].zstd_images = 0;
  EXPECT_EQ(rules(examine(cuda124, packed, machine("H200", "535.104.05"))), "");
}

TEST(Examine, EachObstacleIsNamed) {
  EXPECT_EQ(rules(examine(cuda13, all_of({{{8, 6}, CodeKind::cubin}}), machine("RTX 5090", "580.65.06"))),
            "no-code");
  EXPECT_EQ(rules(examine(cuda13, all_of({{{8, 6}, CodeKind::cubin}}), machine("RTX 4090", "580.65.06"))),
            "older-code");
  EXPECT_EQ(rules(examine(cuda13, all_of({{{9, 0}, CodeKind::ptx}}), machine("B200", "580.65.06"))), "ptx");
  EXPECT_EQ(rules(examine(cuda13, all_of({{{9, 0}, CodeKind::cubin}}), machine("H200", "570.86.10"))),
            "driver");
  EXPECT_EQ(
      rules(examine({.folder = "/x/torch", .version = "2.11.0"}, Inspection{}, machine("H200", "580.65.06"))),
      "cpu-only");
}

TEST(Examine, WhatWasNotReadMayHoldTheCodeThatIsMissing) {
  Inspection libraries = all_of({{{8, 6}, CodeKind::cubin}});
  libraries.not_read.push_back(
      {.path = "lib/libtorch_cuda.so.gz", .words = "gzip file", .severity = Severity::error});
  const ExaminedTorch torch = examine(cuda13, libraries, machine("RTX 5090", "580.65.06"));
  EXPECT_EQ(rules(torch), "not-read");
  EXPECT_NE(torch.findings[0].what.find("lib/libtorch_cuda.so.gz was not read: gzip file"),
            std::string::npos);
  EXPECT_EQ(rules(examine(cuda13, libraries, machine("RTX 4090", "580.65.06"))), "older-code")
      << "what was read is enough";
  libraries.not_read[0].severity = Severity::note;
  EXPECT_EQ(rules(examine(cuda13, libraries, machine("RTX 5090", "580.65.06"))), "no-code");
}

TEST(Installed, APackageSaysItsVersionItsCudaAndItsPython) {
  const testing::ScratchFolder scratch;
  const fs::path root = scratch.path();
  const fs::path folder = root / "lib/python3.12/site-packages/torch";
  fs::create_directories(folder);
  std::ofstream(folder / "__init__.py") << "";
  std::ofstream(folder / "_C.cpython-312-x86_64-linux-gnu.so") << "";
  std::ofstream(folder / "version.py")
      << "from typing import Optional\n\n__all__ = ['__version__']\n__version__ = '2.11.0+cu130'\ndebug = "
         "False\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n";
  for (const fs::path& path : {root, folder, folder.parent_path()}) {
    const auto torch = torch_in(path);
    ASSERT_TRUE(torch.has_value()) << path;
    EXPECT_EQ(torch->version, "2.11.0+cu130");
    EXPECT_EQ(torch->cuda, "13.0");
    EXPECT_EQ(torch->python, "3.12");
  }
  std::ofstream(folder / "version.py") << "__version__ = '2.11.0'\ncuda: Optional[str] = None\n";
  EXPECT_FALSE(torch_in(root)->cuda.has_value());
  fs::remove(folder / "version.py");
  EXPECT_FALSE(torch_in(root).has_value());
}

TEST(Installed, ATorchIsOneByItsLibrariesAndWhatTheInstallerWrote) {
  const testing::ScratchFolder scratch;
  const fs::path folder = scratch.path() / "torch", record = scratch.path() / "torch-2.11.0+cu130.dist-info";
  fs::create_directories(folder / "lib");
  fs::create_directories(record);
  EXPECT_FALSE(torch_in(folder).has_value());
  std::ofstream(folder / "lib/libtorch_cuda.so") << "";
  std::ofstream(record / "WHEEL") << "Wheel-Version: 1.0\nTag: cp312-cp312-manylinux_2_28_x86_64\n";
  std::ofstream(record / "INSTALLER") << "uv\n";
  const auto torch = torch_in(folder);
  ASSERT_TRUE(torch.has_value());
  EXPECT_EQ(torch->version, "2.11.0+cu130");
  EXPECT_EQ(torch->cuda, "13.0");
  EXPECT_EQ(torch->wheel_tag, "cp312-cp312-manylinux_2_28_x86_64");
  EXPECT_EQ(torch->installer, "uv");
  fs::rename(record, scratch.path() / "torch-2.11.0.dist-info");
  EXPECT_EQ(torch_in(folder)->cuda, "") << "a CUDA build that does not say of which";
}

}  // namespace
}  // namespace lathe
