// SPDX-License-Identifier: MIT
// Real files, made by nvcc at test time; where there is no nvcc those tests are skipped and say so.
#include "base/bytes.h"
#include "device/cuda.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "device/contents.h"
#include "formats/elf.h"
#include "hardware/capability.h"
#include "os/mapped_file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

constexpr std::string_view kernel_source = R"(
  __device__ int table[4] = {1, 2, 3, 4};
  __global__ void add(float* a, const float* b) { a[threadIdx.x] += b[threadIdx.x] + table[threadIdx.x % 4]; }
  void launch(float* a, const float* b) { add<<<1, 32>>>(a, b); }
)";

// "sm_90 sm_90a compute_90": what a container holds, in order.
std::string codes(const DeviceContainer& container) {
  std::string text;
  for (const DeviceImage& entry : container.images) {
    if (!text.empty()) text += ' ';
    text += spell(entry.code());
  }
  return text;
}

class FatbinOfNvcc : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_nvcc()) GTEST_SKIP() << "no nvcc on PATH";
    folder_.write("k.cu", kernel_source);
  }

  // A shared library of k.cu, mapped.
  Elf library(const std::string& flags) {
    folder_.run("nvcc -shared -Xcompiler -fPIC -cudart none -o k.so k.cu " + flags);
    return map("k.so");
  }

  Elf map(const std::string& name) {
    maps_.push_back(MappedFile::open(folder_.path() / name));
    return Elf::parse(maps_.back().bytes(), name);
  }

  ScratchFolder folder_;
  std::vector<MappedFile> maps_;
};

constexpr const char* many_gpus =
    "-gencode arch=compute_75,code=sm_75 -gencode arch=compute_80,code=sm_80 "
    "-gencode arch=compute_90,code=[sm_90,compute_90] -gencode arch=compute_90a,code=[sm_90a,compute_90a] "
    "-gencode arch=compute_100f,code=sm_100f -gencode arch=compute_103,code=sm_103 -gencode "
    "arch=compute_121a,code=sm_121a ";

TEST_F(FatbinOfNvcc, HoldsTheGpusThatWereAskedForSuffixesIncluded) {
  const Elf elf = library(many_gpus);
  const DeviceContents fatbins = read_device_code(elf);
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_EQ(codes(fatbins.containers[{0}]),
            "sm_75 sm_80 sm_90 compute_90 sm_90a compute_90a sm_100f sm_103 sm_121a");
  EXPECT_TRUE(fatbins.findings.empty());
  EXPECT_FALSE(fatbins.containers[{0}].relocatable);
}

TEST_F(FatbinOfNvcc, TheWrapperLeadsToTheContainerThroughARelocation) {
  const Elf elf = library("-arch=sm_90");
  const DeviceContents fatbins = read_device_code(elf);
  ASSERT_EQ(fatbins.wrappers.size(), 1u);
  const DeviceWrapper& wrapper = fatbins.wrappers[{0}];
  EXPECT_EQ(wrapper.pointer, DeviceWrapper::Pointer::relocation);
  EXPECT_EQ(wrapper.container, ContainerIndex{0});
  EXPECT_EQ(wrapper.leads_to, fatbins.containers[{0}].address);
  EXPECT_EQ(ByteReader(elf.bytes()).read_at<std::uint64_t>(wrapper.pointer_at), wrapper.leads_to);
  EXPECT_EQ(elf.offset_of(wrapper.leads_to), fatbins.containers[{0}].offset);
}

TEST_F(FatbinOfNvcc, APackedRelocationLeadsThereToo) {
  const Elf elf = library("-arch=sm_90 -Xlinker -z,pack-relative-relocs");
  const DeviceContents fatbins = read_device_code(elf);
  ASSERT_EQ(fatbins.wrappers.size(), 1u);
  EXPECT_EQ(fatbins.wrappers[{0}].pointer, DeviceWrapper::Pointer::packed_relocation);
  EXPECT_EQ(fatbins.wrappers[{0}].container, ContainerIndex{0});
}

TEST_F(FatbinOfNvcc, AFileWithoutSectionHeadersShowsTheSameContainers) {
  const Elf whole = library(many_gpus);
  std::string bytes(as_text(whole.bytes()));
  std::memset(bytes.data() + 40, 0, 8);
  std::memset(bytes.data() + 60, 0, 4);
  const DeviceContents with = read_device_code(whole);
  const DeviceContents without = read_device_code(Elf::parse(as_byte_span(bytes), "stripped"));
  ASSERT_EQ(without.containers.size(), 1u);
  EXPECT_EQ(without.containers[{0}].offset, with.containers[{0}].offset);
  EXPECT_EQ(without.containers[{0}].address, with.containers[{0}].address);
  EXPECT_EQ(codes(without.containers[{0}]), codes(with.containers[{0}]));
  EXPECT_EQ(without.wrappers.size(), 1u);
}

TEST_F(FatbinOfNvcc, EveryWayToCompressUnpacksToTheSameImages) {
  const std::string gpus = " -gencode arch=compute_80,code=[sm_80,compute_80]";
  const std::vector<std::pair<std::string, Compression>> modes = {{"none", Compression::none},
                                                                  {"size", Compression::zstd},
                                                                  {"speed", Compression::lz4},
                                                                  {"balance", Compression::zstd}};
  std::string ptx;
  for (const auto& [mode, compression] : modes) {
    const Elf elf = library("--compress-mode=" + mode + gpus);
    const DeviceContents fatbins = read_device_code(elf);
    ASSERT_EQ(fatbins.containers.size(), 1u);
    const auto& entries = fatbins.containers[{0}].images;
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[{1}].compression, compression) << mode;
    const auto cubin = image_bytes(elf.bytes(), entries[{0}]);
    EXPECT_TRUE(Elf::looks_like(cubin)) << mode;
    const auto text = image_bytes(elf.bytes(), entries[{1}]);
    if (ptx.empty()) ptx = as_text(text);
    EXPECT_EQ(as_text(text), ptx) << mode;
    EXPECT_NE(ptx.find(".target sm_80"), std::string::npos);
  }
}

TEST_F(FatbinOfNvcc, RelocatableDeviceCodeIsToldFromWhatTheDriverSees) {
  folder_.write("one.cu",
                "__device__ float half_of(float); __global__ void k(float* a) { a[0] = half_of(a[0]); }");
  folder_.write("two.cu", "__device__ float half_of(float x) { return x / 2; }");
  // "-cudart none" links no device code
  folder_.run("nvcc -rdc=true -arch=sm_90 -shared -Xcompiler -fPIC -o rdc.so one.cu two.cu");
  const Elf elf = map("rdc.so");
  const DeviceContents fatbins = read_device_code(elf);
  std::map<bool, int> count;
  for (const DeviceContainer& container : fatbins.containers) ++count[container.relocatable];
  EXPECT_EQ(count[true], 2);
  EXPECT_EQ(count[false], 1);
  std::map<std::uint32_t, int> versions;
  for (const DeviceWrapper& wrapper : fatbins.wrappers) {
    ++versions[wrapper.version];
    ASSERT_TRUE(wrapper.container);
    EXPECT_EQ(fatbins.containers[*wrapper.container].relocatable, wrapper.kind == DeviceWrapper::Kind::plain);
  }
  EXPECT_EQ(versions, (std::map<std::uint32_t, int>{{1, 2}, {2, 1}}));
}

TEST_F(FatbinOfNvcc, AnObjectFilesWrapperLeadsToItsContainer) {
  folder_.run("nvcc -arch=sm_90 -c -o k.o k.cu");
  const Elf elf = map("k.o");
  const DeviceContents fatbins = read_device_code(elf);
  ASSERT_EQ(fatbins.wrappers.size(), 1u);
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_EQ(fatbins.wrappers[{0}].container, ContainerIndex{0});
  EXPECT_EQ(fatbins.containers[{0}].wrapper, WrapperIndex{0});
}

TEST_F(FatbinOfNvcc, ABareFatbinIsReadWithoutAnElfFileAroundIt) {
  folder_.run("nvcc -fatbin -gencode arch=compute_80,code=[sm_80,compute_80] -o k.fatbin k.cu");
  const MappedFile file = MappedFile::open(folder_.path() / "k.fatbin");
  ASSERT_TRUE(looks_like_fatbin(file.bytes()));
  const DeviceContents fatbins = read_bare_fatbin(file.bytes(), "k.fatbin");
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_EQ(codes(fatbins.containers[{0}]), "sm_80 compute_80");
}

// Hand-made containers: what a hostile or a future file may hold.

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  if (bytes.size() < at + size) bytes.resize(at + size);
  std::memcpy(bytes.data() + at, &value, size);
}

std::string entry(std::uint16_t kind, std::uint32_t arch, std::uint64_t flags, std::string payload) {
  payload.resize((payload.size() + 7) / 8 * 8);
  std::string bytes(64, '\0');
  put(bytes, 0, kind, 2);
  put(bytes, 2, 0x0101, 2);
  put(bytes, 4, 64, 4);
  put(bytes, 8, payload.size(), 8);
  put(bytes, 28, arch, 4);
  put(bytes, 40, flags, 8);
  return bytes + payload;
}

std::string container(const std::string& entries) {
  std::string bytes(16, '\0');
  put(bytes, 0, 0xBA55ED50, 4);
  put(bytes, 4, 1, 2);
  put(bytes, 6, 16, 2);
  put(bytes, 8, entries.size(), 8);
  return bytes + entries;
}

DeviceContents read(const std::string& bytes, const DeviceLimits& limits = {}) {
  return read_bare_fatbin(as_byte_span(bytes), "made", limits);
}

// A library made by an assembler that may be a cross-assembler: no nvcc is needed. Two containers, `one` and
// `two`; `wrappers` is what the section of wrappers holds.
std::string assembled(const std::string& wrappers, const std::string& compiler = "cc",
                      const std::string& flags = "") {
  const ScratchFolder folder;
  folder.write("made.fatbin", container(entry(2, 90, 0x100011, "cubin") + entry(1, 90, 0x11, "ptx")));
  folder.write(
      "made.s",
      ".section .nv_fatbin,\"a\"\n.balign 8\none: .incbin \"made.fatbin\"\ntwo: .incbin \"made.fatbin\"\n"
      ".section __nv_relfatbin,\"a\"\n.balign 8\n.incbin \"made.fatbin\"\n"
      ".section .nvFatBinSegment,\"aw\"\n.balign 8\n" +
          wrappers);
  folder.run(compiler + " -shared -nostdlib " + flags + " made.s -o made.so");
  const MappedFile file = MappedFile::open(folder.path() / "made.so");
  return std::string(as_text(file.bytes()));
}
const std::string both = ".long 0x466243b1,1\n.quad one,0\n.long 0x466243b1,1\n.quad two,0\n";

DeviceContents read_library(const std::string& bytes) {
  return read_device_code(Elf::parse(as_byte_span(bytes), "made.so"), nullptr);
}

std::vector<std::string> rules_of(const DeviceContents& fatbins) {
  std::vector<std::string> rules;
  for (const Finding& finding : fatbins.findings) rules.push_back(finding.rule);
  return rules;
}
using Rules = std::vector<std::string>;

TEST(Fatbin, WrappersAreFollowedOnBothMachinesWithSmallAndLargePagesPlainAndPacked) {
  for (const std::string compiler : {"cc", "aarch64-linux-gnu-gcc"}) {
    if (!testing::have_program(compiler)) continue;
    for (const std::string flags : {"", "-Wl,-z,max-page-size=65536", "-Wl,-z,pack-relative-relocs"}) {
      // that linker packs for x86 alone
      if (compiler != "cc" && flags.find("pack") != std::string::npos) continue;
      const DeviceContents fatbins = read_library(assembled(both, compiler, flags));
      ASSERT_EQ(fatbins.wrappers.size(), 2u) << compiler << flags;
      ASSERT_EQ(fatbins.containers.size(), 3u) << compiler << flags;  // one for the device linker
      EXPECT_EQ(fatbins.wrappers[{0}].container, ContainerIndex{0}) << compiler << flags;
      EXPECT_EQ(fatbins.wrappers[{1}].container, ContainerIndex{1}) << compiler << flags;
      EXPECT_EQ(codes(fatbins.containers[{1}]), "sm_90a compute_90");
      EXPECT_TRUE(fatbins.findings.empty()) << compiler << flags;
    }
  }
}

TEST(Fatbin, AWrapperThatLeadsToItselfOrIntoAContainerIsFound) {
  const DeviceContents fatbins =
      read_library(assembled("self: .long 0x466243b1,1\n.quad self,0\n.long 0x466243b1,1\n.quad one+8,0\n"));
  EXPECT_EQ(rules_of(fatbins), (Rules{"fatbin-dangling", "fatbin-dangling"}));
  EXPECT_EQ(fatbins.containers.size(), 3u);
}

TEST(Fatbin, WrappersThatHoldZeroAreOneFindingWithTheirNumber) {
  const std::string zero = ".long 0x466243b1,1\n.quad 0,0\n";
  const DeviceContents fatbins =
      read_library(assembled(zero + ".long 0x466243b1,1\n.quad one,0\n" + zero + zero));
  EXPECT_EQ(rules_of(fatbins), Rules{"fatbin-dangling"});
  EXPECT_EQ(fatbins.findings[0].what, "3 of 4 wrappers point nowhere: they hold 0");
  EXPECT_EQ(fatbins.findings[0].severity, Severity::note);
}

TEST(Fatbin, TwoWrappersOfOneContainerAreFound) {
  const DeviceContents fatbins =
      read_library(assembled(".long 0x466243b1,1\n.quad one,0\n.long 0x466243b1,1\n.quad one,0\n"));
  EXPECT_EQ(rules_of(fatbins), Rules{"fatbin-shared"});
}

// Offset and size of a section lie at 24 of its header.
TEST(Fatbin, TwoSectionsOfTheSameBytesAreReadOnce) {
  std::string bytes = assembled(both);
  const Elf elf = Elf::parse(as_byte_span(bytes), "made.so");
  const auto header = [&](std::string_view name) {
    return elf.section_headers_at() +
           64 * static_cast<std::uint64_t>(elf.find_section(name) - elf.sections().data());
  };
  const std::uint64_t from = header(".nv_fatbin") + 24, to = header("__nv_relfatbin") + 24;
  std::copy_n(std::string(bytes).begin() + static_cast<std::ptrdiff_t>(from), 16,
              bytes.begin() + static_cast<std::ptrdiff_t>(to));
  const DeviceContents fatbins = read_library(bytes);
  EXPECT_EQ(rules_of(fatbins), Rules{"fatbin-overlap"});
  EXPECT_EQ(fatbins.containers.size(), 2u);
}

TEST(Fatbin, WhatTheDriverDoesNotPickByItselfIsNoCode) {
  const DeviceContents fatbins =
      read(container(entry(8, 75, 0x12011, "LTO IR") + entry(2, 90, 0x11, "cubin")));
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_EQ(codes(fatbins.containers[{0}]), "lto_75 sm_90");
  EXPECT_TRUE(fatbins.containers[{0}].understood);
  const ContainerCode code = fatbins.containers[{0}].code();
  EXPECT_EQ(code.codes.size(), 1u);
  EXPECT_EQ(code.image, std::vector<ImageIndex>{{1}});
}

TEST(Fatbin, AnEmptyContainerIsAContainer) {
  const DeviceContents fatbins = read(container(""));
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_TRUE(fatbins.containers[{0}].images.empty());
  EXPECT_TRUE(fatbins.findings.empty());
}

TEST(Fatbin, ZerosBetweenContainersAreFineAnythingElseIsFound) {
  const std::string one = container(entry(2, 90, 0x11, "cubin"));
  EXPECT_TRUE(read(one + std::string(64, '\0') + one).findings.empty());
  const DeviceContents strange = read(one + "strange bytes..." + one);
  EXPECT_EQ(strange.containers.size(), 2u);
  ASSERT_EQ(strange.findings.size(), 1u);
  EXPECT_EQ(strange.findings[0].rule, "fatbin-unknown");
}

TEST(Fatbin, AContainerThatClaimsFourGigabytesIsReadAsFarAsTheFileGoes) {
  std::string bytes = container(entry(2, 90, 0x11, "cubin"));
  put(bytes, 8, 0xffffffff, 8);
  const DeviceContents fatbins = read(bytes);
  ASSERT_EQ(fatbins.containers.size(), 1u);
  EXPECT_EQ(codes(fatbins.containers[{0}]), "sm_90");
  EXPECT_FALSE(fatbins.containers[{0}].understood);
  EXPECT_EQ(fatbins.findings[0].rule, "fatbin-damaged");
}

TEST(Fatbin, AContainerWhoseHeaderLeavesTheFileIsNone) {
  std::string bytes = container(entry(2, 90, 0x11, "cubin"));
  put(bytes, 6, 0x4010, 2);
  const DeviceContents fatbins = read(bytes);
  EXPECT_TRUE(fatbins.containers.empty());
  EXPECT_EQ(fatbins.findings[0].rule, "fatbin-damaged");
}

TEST(Fatbin, AnEntryThatClaimsMoreThanItsContainerEndsTheContainer) {
  for (const auto& [at, size] : std::vector<std::pair<std::size_t, std::size_t>>{{4, 4}, {8, 8}}) {
    std::string bytes = container(entry(2, 80, 0x11, "cubin") + entry(2, 90, 0x11, "cubin"));
    put(bytes, 16 + 72 + at, 0xfffffff0, size);
    const DeviceContents fatbins = read(bytes);
    EXPECT_EQ(codes(fatbins.containers[{0}]), "sm_80");
    EXPECT_FALSE(fatbins.containers[{0}].understood);
    EXPECT_EQ(fatbins.findings[0].rule, "fatbin-damaged");
  }
}

TEST(Fatbin, TheNumberOfImagesIsLimited) {
  std::string entries;
  for (int i = 0; i < 20; ++i) entries += entry(2, 90, 0x11, "");
  const DeviceContents fatbins = read(container(entries), {.containers = 10, .images = 7});
  EXPECT_EQ(fatbins.containers[{0}].images.size(), 7u);
  EXPECT_EQ(fatbins.findings[0].rule, "fatbin-limit");
}

TEST(Fatbin, ACompressedImageThatClaimsFourGigabytesIsAnErrorNotAnAllocation) {
  for (const std::uint64_t flag : {0x2000U, 0x8000U}) {
    std::string bytes = container(entry(2, 90, 0x11 | flag, std::string(32, 'x')));
    put(bytes, 16 + 16, 32, 4);
    put(bytes, 16 + 56, std::uint64_t{4} << 30, 8);
    const DeviceContents fatbins = read(bytes);
    EXPECT_THROW(image_bytes(as_byte_span(bytes), fatbins.containers[{0}].images[{0}]), Error);
  }
}

}  // namespace
}  // namespace lathe
