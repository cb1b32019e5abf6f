// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_names.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lathe {
namespace {

std::string library_of(std::string_view name, std::string_view source = {}) {
  const DispatchRule* rule = dispatch_names().find(name, source);
  return rule ? rule->library : "";
}

// Names as they stand in libtorch_cpu.so, libopenblas and NumPy.
TEST(DispatchNames, KnowTheLibrariesInsidePyTorch) {
  EXPECT_EQ(library_of("_ZN2at6native4AVX212_GLOBAL__N_111add_kernelERNS_14TensorIteratorE"),
            "PyTorch, AVX2 kernels");
  EXPECT_EQ(library_of("_ZN6fbgemm15transpose_8rowsEiPKhiPhi"), "FBGEMM, AVX2");
  EXPECT_EQ(library_of("xnn_qs8_rsum_ukernel__avx512vnni_u128_acc2"), "XNNPACK");
  EXPECT_EQ(library_of("Sleef_cosd8_u10"), "SLEEF");
  EXPECT_EQ(library_of("mkl_sparse_z_bsr__g_n_spmm_notr_row_rcr_i4_mc3"), "Intel MKL");
  EXPECT_EQ(library_of("_ZN4dnnl4impl3cpu3x6419jit_avx512_core_cvtEv"), "oneDNN");
  EXPECT_EQ(library_of("dgemm_kernel_HASWELL"), "OpenBLAS");
  EXPECT_EQ(library_of("__svml_sinf16"), "Intel short vector math (SVML)");
}

TEST(DispatchNames, KnowSourceFilesWhereTheNameSaysNothing) {
  EXPECT_EQ(library_of("_ZN2at6native12_GLOBAL__N_11fEv"), "");
  EXPECT_EQ(library_of("_ZN2at6native12_GLOBAL__N_11fEv", "SortingKernel.cpp.AVX2.cpp"),
            "PyTorch, AVX2 kernels");
}

TEST(DispatchNames, LeaveOrdinaryNamesAlone) {
  for (const char* name :
       {"main", "_ZN2at6native3addERKNS_6TensorE", "Sleef_sin_u10", "zlibVersion", "f", "", "memcpy"}) {
    EXPECT_EQ(library_of(name), "") << name;
  }
}

TEST(DispatchNames, NameTheMistakeInTheirFile) {
  const auto mistake = [](const std::string& text) {
    try {
      DispatchNames(text, "x.toml");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string end = "[guard]\nfunctions = []\nvariables = []\nsource = \"s\"\n";
  const std::string level = "[[level]]\nname = \"any\"\nall = true\n";
  EXPECT_EQ(
      mistake(level + "[[rule]]\nlibrary = \"l\"\ncontains = [\"avx\"]\nlevel = \"any\"\nsource = \"s\"\n" +
              end),
      "x.toml:6:13: a pattern has at least four characters");
  EXPECT_EQ(
      mistake(level + "[[rule]]\nlibrary = \"l\"\ncontains = [\"_avx\"]\nlevel = \"none\"\nsource = \"s\"\n" +
              end),
      "x.toml:7:9: no such level: none");
}

TEST(DispatchNames, TellWhichFilesAPackagePicksByTheProcessor) {
  EXPECT_TRUE(dispatch_names().is_picked_file("faiss/_swigfaiss_avx512.cpython-311-x86_64-linux-gnu.so"));
  EXPECT_TRUE(dispatch_names().is_picked_file("lib/libggml-cpu-SkylakeX.so"));
  EXPECT_TRUE(dispatch_names().is_picked_file("Crypto/Cipher/_raw_aesni.abi3.so"));
  EXPECT_TRUE(dispatch_names().is_picked_file("Crypto/Hash/_SHA256_shani.abi3.so"));
  EXPECT_TRUE(dispatch_names().is_picked_file("lib/glibc-hwcaps/x86-64-v3/libz.so.1")) << "the loader picks";
  EXPECT_FALSE(dispatch_names().is_picked_file("lib/libassess.so"));
  EXPECT_FALSE(dispatch_names().is_picked_file("store/pytorch-cpu-avx2/lib/libtorch.so"))
      << "a folder says nothing";
}

TEST(DispatchNames, LeaveOutTheValuesOfEnumerations) {
  EXPECT_EQ(without_enumerators("_ZN2ct3cpu3addILNS0_6CpuIsaE3EfEEvv"), "_ZN2ct3cpu3addILNS0_6CpuIsaEEfEEvv");
  EXPECT_EQ(without_enumerators("_Z1fIL3Isa12EEvv"), "_Z1fIL3IsaEEvv");
  EXPECT_EQ(without_enumerators("_Z1fILi3EEvv"), "") << "a number is not an enumeration";
  EXPECT_EQ(without_enumerators("_ZN5abcL"), "");
  EXPECT_EQ(without_enumerators("_Z1fILNS_"), "");
  EXPECT_EQ(without_enumerators("_Z1fIL999999999999"), "");
}

}  // namespace
}  // namespace lathe
