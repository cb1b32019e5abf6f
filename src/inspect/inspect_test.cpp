// SPDX-License-Identifier: MIT
#include "inspect/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "device/cuda_target.h"
#include "base/error.h"
#include "formats/elf.h"
#include "hardware/compat.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

constexpr std::string_view kernel_source = R"(
  __global__ void add(float* a, const float* b) { a[threadIdx.x] += b[threadIdx.x]; }
  void launch(float* a, const float* b) { add<<<1, 32>>>(a, b); }
)";

ContainerShape shape(const std::string& codes, std::size_t count = 1) {
  ContainerShape result{.count = count};
  std::string word;
  for (const char c : codes + " ") {
    if (c != ' ') {
      word += c;
      continue;
    }
    const auto spelled = parse_capability(word);
    result.codes.push_back(
        cuda_code({.capability = spelled->capability,
                   .kind = word.starts_with("compute") ? CodeKind::ptx : CodeKind::cubin}));
    word.clear();
  }
  return result;
}

std::string coverage(const std::vector<ContainerShape>& shapes, int major, int minor) {
  return cover(shapes, cuda_target({.major = major, .minor = minor})).text();
}

TEST(Coverage, IsSaidPerContainerNotPerFile) {
  const std::vector<ContainerShape> shapes = {shape("sm_80 sm_86 sm_90 sm_120", 400),
                                              shape("sm_80 sm_90a", 44)};
  EXPECT_EQ(coverage(shapes, 9, 0), "all");
  EXPECT_EQ(coverage(shapes, 8, 0), "all");
  EXPECT_EQ(coverage(shapes, 8, 9), "all (through sm_80, sm_86)");
  EXPECT_EQ(coverage(shapes, 12, 0), "all general code; 44 containers for 8.0, 9.0a only");
  EXPECT_EQ(coverage(shapes, 12, 1), "all general code (through sm_120); 44 containers for 8.0, 9.0a only");
  EXPECT_EQ(coverage(shapes, 7, 0), "none");
}

TEST(Coverage, PtxServesLaterDevicesAndIsSaidToBeCompiledThere) {
  const std::vector<ContainerShape> shapes = {shape("sm_80 compute_80", 3),
                                              shape("sm_80 sm_120 compute_80", 2)};
  EXPECT_EQ(coverage(shapes, 8, 0), "all");
  EXPECT_EQ(coverage(shapes, 9, 0), "ptx");
  EXPECT_EQ(coverage(shapes, 12, 1), "ptx (and sm_120)");
  EXPECT_EQ(coverage(shapes, 7, 5), "none");
}

TEST(Coverage, OfNothingIsNone) { EXPECT_EQ(coverage({}, 9, 0), "none"); }

TEST(Coverage, AnEmptiedContainerIsOneThatHasNothing) {
  EXPECT_EQ(coverage({shape("sm_90", 9), ContainerShape{.count = 1}}, 9, 0),
            "some (1 of 10 containers have nothing)");
}

class InspectOfNvcc : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_nvcc()) GTEST_SKIP() << "no nvcc on PATH";
    folder_.write("k.cu", kernel_source);
    folder_.run(
        "mkdir pkg && nvcc -shared -Xcompiler -fPIC -cudart none -o pkg/k.so k.cu "
        "-gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[sm_90,compute_90]");
  }

  static void expect_the_library(const FileInspection& file) {
    EXPECT_EQ(file.format, "shared object");
    EXPECT_EQ(file.machine, "x86_64");
    ASSERT_EQ(file.gpu.size(), 3u);
    EXPECT_EQ(file.gpu[0].name(), "sm_80");
    EXPECT_EQ(file.gpu[1].name(), "sm_90");
    EXPECT_EQ(file.gpu[2].name(), "compute_90");
    EXPECT_EQ(file.gpu[2].images, 1u);
    EXPECT_GT(file.gpu[0].bytes, 1000u);
    EXPECT_EQ(file.containers, 1u);
    EXPECT_TRUE(file.findings.empty());
    EXPECT_EQ(file.toolkits.size(), 1u);
    std::uint64_t sum = 0;
    for (const std::uint64_t bytes : file.shares.bytes) sum += bytes;
    EXPECT_EQ(sum, file.size);
  }

  ScratchFolder folder_;
};

TEST_F(InspectOfNvcc, AFolderIsWalkedLinksAreNotFollowedAndHardLinksCountOnce) {
  folder_.run("cd pkg && ln k.so twice.so && ln -s k.so link.so && ln -s / root && echo text > readme.txt");
  const Inspection inspection = inspect({folder_.path() / "pkg"});
  ASSERT_EQ(inspection.files.size(), 1u);
  expect_the_library(inspection.files[0]);
  EXPECT_EQ(inspection.other_files, 1u);
  EXPECT_EQ(inspection.other_bytes, 5u);
}

TEST_F(InspectOfNvcc, AWheelShowsTheSameStoredAndDeflated) {
  for (const std::string how : {"ZIP_STORED", "ZIP_DEFLATED"}) {
    folder_.run("python3 -c \"import zipfile as z; z.ZipFile('a.whl','w',z." + how + ").write('pkg/k.so')\"");
    const Inspection inspection = inspect({folder_.path() / "a.whl"});
    ASSERT_EQ(inspection.files.size(), 1u) << how;
    EXPECT_TRUE(inspection.files[0].path.ends_with("a.whl/pkg/k.so"));
    expect_the_library(inspection.files[0]);
    EXPECT_TRUE(inspection.findings.empty());
  }
}

TEST_F(InspectOfNvcc, AWheelWithAWrongChecksumIsFound) {
  folder_.run("python3 -c \"import zipfile as z; z.ZipFile('a.whl','w',z.ZIP_DEFLATED).write('pkg/k.so')\"");
  std::string bytes = read_file(folder_.path() / "a.whl");
  bytes[bytes.rfind("PK\x01\x02") + 16] ^= 1;
  folder_.write("a.whl", bytes);
  const Inspection inspection = inspect({folder_.path() / "a.whl"});
  EXPECT_TRUE(inspection.files.empty());
  ASSERT_EQ(inspection.findings.size(), 1u);
  EXPECT_EQ(inspection.findings[0].what, "its checksum is wrong");
}

TEST_F(InspectOfNvcc, TheLinkStubOfAFileWithoutDeviceCodeNeedsNoCoverage) {
  folder_.write("host.cu", "int host_only() { return 1; }");
  folder_.run(
      "nvcc -shared -Xcompiler -fPIC -cudart none -o host.so host.cu "
      "-gencode arch=compute_75,code=[sm_75,compute_75] -gencode arch=compute_100,code=sm_100");
  const Inspection inspection = inspect({folder_.path() / "host.so"});
  ASSERT_EQ(inspection.files.size(), 1u);
  EXPECT_EQ(inspection.files[0].containers, 1u);
  EXPECT_EQ(inspection.files[0].containers_empty, 1u);
  EXPECT_TRUE(inspection.files[0].coverage.empty());
  const Inspection both = inspect({folder_.path() / "host.so", folder_.path() / "pkg"});
  EXPECT_EQ(cover(both.shapes(), cuda_target({.major = 9, .minor = 0})).text(), "all");
}

TEST_F(InspectOfNvcc, AStaticArchiveIsTheSumOfItsMembers) {
  folder_.run(
      "nvcc -c -gencode arch=compute_80,code=sm_80 -o one.o k.cu && "
      "nvcc -c -gencode arch=compute_90,code=sm_90 -o two.o k.cu && ar cr lib.a one.o two.o");
  const Inspection inspection = inspect({folder_.path() / "lib.a"});
  ASSERT_EQ(inspection.files.size(), 1u);
  const FileInspection& file = inspection.files[0];
  EXPECT_EQ(file.format, "archive");
  EXPECT_EQ(file.containers, 2u);
  ASSERT_EQ(file.gpu.size(), 2u);
  EXPECT_EQ(cover(file.shapes, cuda_target({.major = 9, .minor = 0})).text(),
            "some (1 of 2 containers have nothing)");
}

TEST_F(InspectOfNvcc, AnImageWithAFalseLabelIsFound) {
  std::string bytes = read_file(folder_.path() / "pkg/k.so");
  const DeviceContents fatbins = read_device_code(Elf::parse(as_byte_span(bytes), "k.so"));
  bytes[fatbins.containers[{0}].images[{0}].offset + 28] = 86;  // the header of the sm_80 image
  const auto file = inspect_bytes(as_byte_span(bytes), "k.so");
  ASSERT_EQ(file->findings.size(), 1u);
  EXPECT_EQ(file->findings[0].rule, "fatbin-mislabelled");
  EXPECT_TRUE(file->findings[0].what.starts_with("an image labelled sm_86 says that it is for sm_80"));
}

TEST_F(InspectOfNvcc, BareFatbinsAndCubinsCountToo) {
  folder_.run(
      "nvcc -fatbin -gencode arch=compute_80,code=[sm_80,compute_80] -o k.fatbin k.cu && nvcc -cubin "
      "-arch=sm_90a -o k.cubin k.cu");
  const Inspection inspection = inspect({folder_.path() / "k.fatbin", folder_.path() / "k.cubin"});
  ASSERT_EQ(inspection.files.size(), 2u);
  EXPECT_EQ(inspection.files[0].gpu.at(0).name(), "sm_90a");
  EXPECT_EQ(inspection.files[1].gpu.size(), 2u);
}

TEST(Inspect, APathThatIsNotThereIsAnErrorADamagedFileInAFolderIsAFinding) {
  const ScratchFolder folder;
  EXPECT_THROW(inspect({folder.path() / "nothing"}), Error);
  folder.write("broken.whl", "PK\x03\x04 and then nothing that a zip file would hold");
  folder.run("mkfifo pipe");
  const Inspection inspection = inspect({folder.path()});
  ASSERT_EQ(inspection.findings.size(), 1u);
  EXPECT_EQ(inspection.findings[0].rule, "wheel-damaged");
}

}  // namespace
}  // namespace lathe
