// SPDX-License-Identifier: MIT
#include "device/cubin.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "testing/test_paths.h"
#include "os/file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

constexpr std::string_view two_kernels = R"(
  __device__ int table[4] = {1, 2, 3, 4};
  __device__ __noinline__ float helper(float x) { return x * table[2]; }
  __global__ void one(float* a) { a[0] = helper(a[1]); }
  template <typename T> __global__ void two(T* a) { a[0] = a[1]; }
  template __global__ void two<double>(double*);
)";

class CubinOfNvcc : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::have_nvcc()) GTEST_SKIP() << "no nvcc on PATH";
    toolkit_ = folder_.run("nvcc --version | sed -n 's/.*release \\([0-9.]*\\),.*/\\1/p' | tr -d '\\n'");
  }

  CubinInfo cubin(std::string_view source, const std::string& arch, const std::string& flags = "") {
    folder_.write("k.cu", source);
    folder_.run("nvcc -cubin -arch=" + arch + " " + flags + " -o k.cubin k.cu");
    const std::string bytes = read_file(folder_.path() / "k.cubin");
    return read_cubin(as_byte_span(bytes));
  }

  ScratchFolder folder_;
  std::string toolkit_;
};

TEST_F(CubinOfNvcc, TellsItsGpuItsToolkitItsKernelsAndData) {
  for (const std::string arch : {"sm_75", "sm_90", "sm_90a", "sm_103a", "sm_120"}) {
    const CubinInfo info = cubin(two_kernels, arch);
    ASSERT_TRUE(info.capability);
    EXPECT_EQ(spell(*info.capability, Dialect::sm), arch);
    EXPECT_EQ(info.toolkit, toolkit_);
    EXPECT_EQ(info.kernels, 2u);
    EXPECT_GE(info.data_bytes, 16u);
    EXPECT_FALSE(info.holds_nothing());
    EXPECT_FALSE(info.relocatable);
  }
}

// Made by the ptxas of CUDA 12.8.93 and 12.9.86, which write other notes and flags than that of CUDA 13.
TEST(Cubin, OfCuda12ForNewGpusTellsItsToolkitAndItsSuffix) {
  const auto read = [](const std::string& name) {
    return read_cubin(as_byte_span(read_file(std::string(testing::source_folder) + "/tests/cubins/" + name)));
  };
  EXPECT_EQ(read("sm_100a-cuda12.9.cubin").toolkit, "12.9");
  EXPECT_EQ(read("sm_120-cuda12.8.cubin").toolkit, "12.8");
  EXPECT_EQ(spell(*read("sm_100a-cuda12.9.cubin").capability, Dialect::sm), "sm_100a");
  EXPECT_EQ(spell(*read("sm_100f-cuda12.9.cubin").capability, Dialect::sm), "sm_100");
  EXPECT_EQ(spell(*read("sm_120-cuda12.8.cubin").capability, Dialect::sm), "sm_120");
}

TEST_F(CubinOfNvcc, FamilyCodeIsNotToldFromPortableCodeByTheCubinItself) {
  EXPECT_EQ(spell(*cubin(two_kernels, "sm_100f").capability, Dialect::sm), "sm_100");
}

TEST_F(CubinOfNvcc, AFileWithoutDeviceCodeLeavesAnImageThatHoldsNothing) {
  for (const std::string arch : {"sm_75", "sm_90a", "sm_100", "sm_120"}) {
    EXPECT_TRUE(cubin("int host_only() { return 1; }", arch).holds_nothing()) << arch;
    EXPECT_FALSE(cubin("__device__ int zeros[100]; __constant__ int c[3];", arch).holds_nothing()) << arch;
  }
}

TEST_F(CubinOfNvcc, RelocatableCodeKeepsItsFunctions) {
  const CubinInfo info = cubin("__device__ float half_of(float x) { return x / 2; }", "sm_90", "-rdc=true");
  EXPECT_TRUE(info.relocatable);
  EXPECT_EQ(info.kernels, 0u);
  EXPECT_EQ(info.functions, 1u);
  EXPECT_FALSE(info.holds_nothing());
}

TEST_F(CubinOfNvcc, PtxTellsVersionTargetToolkitAndKernels) {
  folder_.write("k.cu", two_kernels);
  folder_.run("nvcc -ptx -arch=compute_90a -o k.ptx k.cu");
  const PtxInfo info = read_ptx(read_file(folder_.path() / "k.ptx"));
  EXPECT_EQ(info.target, "sm_90a");
  EXPECT_EQ(info.toolkit, toolkit_);
  EXPECT_EQ(info.kernels, 2u);
  EXPECT_FALSE(info.holds_nothing);
}

// The header alone of what the ptxas of CUDA 12.9 writes for sm_90a: ABI 0x33 version 7, file version 0x81.
TEST(Cubin, TheGenerationBeforeCuda13TellsGpuSuffixAndToolkitInItsHeader) {
  std::string header(64, '\0');
  header.replace(0, 9,
                 std::string("\x7f"
                             "ELF\x02\x01\x01\x33\x07",
                             9));
  header[16] = 2;
  header[18] = static_cast<char>(190);
  header[20] = static_cast<char>(0x81);
  header.replace(48, 3, "\x5a\x0d\x5a");
  const CubinInfo specific = read_cubin(as_byte_span(header));
  EXPECT_EQ(spell(*specific.capability, Dialect::sm), "sm_90a");
  EXPECT_EQ(specific.toolkit, "12.9");
  header[49] = 0x05;
  EXPECT_EQ(spell(*read_cubin(as_byte_span(header)).capability, Dialect::sm), "sm_90");
}

TEST(Ptx, WithoutKernelFunctionOrDataHoldsNothing) {
  const PtxInfo stub = read_ptx(".version 9.0\n.target sm_75\n.address_size 64\n\n\n");
  EXPECT_TRUE(stub.holds_nothing);
  EXPECT_EQ(stub.version, "9.0");
  EXPECT_EQ(*stub.capability, (Capability{.major = 7, .minor = 5}));
  EXPECT_FALSE(
      read_ptx(".version 9.0\n.target sm_75, debug\n.global .align 4 .b8 table[16];\n").holds_nothing);
  EXPECT_FALSE(read_ptx(".version 9.0\n.visible .func (.param .b32 r) f()\n").holds_nothing);
  EXPECT_TRUE(read_ptx("// .entry in a comment is none\n").holds_nothing);
}

TEST(Cubin, AnythingElseIsAnError) {
  EXPECT_THROW(read_cubin(as_byte_span("not a cubin")), Error);
  const std::string self = read_file("/proc/self/exe", std::uint64_t{4} << 30);
  EXPECT_THROW(read_cubin(as_byte_span(self)), Error);
}

}  // namespace
}  // namespace lathe
