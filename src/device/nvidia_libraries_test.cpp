// SPDX-License-Identifier: MIT
#include "device/nvidia_libraries.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(NvidiaLibraries, ACopyInAWheelIsKnownUnderTheNameThatTheToolGaveIt) {
  EXPECT_TRUE(is_nvidia_library("libnvjpeg.so.13"));
  EXPECT_TRUE(is_nvidia_library("libnvjpeg-1a359ba7.so.13.0.1.86"));
  EXPECT_TRUE(is_nvidia_library("libnvjpeg.4a0b5c81.so.13"));
  EXPECT_TRUE(is_nvidia_library("libcudnn_engines_precompiled-0d1c2b3a.so.9"));
  EXPECT_TRUE(is_nvidia_library("libnvcomp-00112233445566778899aabbccddeeff.so.5"));
}

TEST(NvidiaLibraries, WhatOthersMadeIsTheirs) {
  for (const char* name :
       {"libfaiss-6b43fd57.so", "libtorch_cuda.so", "libcudf.so", "libcuvs.so", "libnvjpeg-turbo.so.13",
        "libcvcuda-a00410f9.so.0", "lib-1a359ba7.so", "", ".so", "-1a359ba7.so.1"}) {
    EXPECT_FALSE(is_nvidia_library(name)) << name;
  }
}

TEST(NvidiaLibraries, NcclIsUnderTheBsdLicence) {
  for (const char* name : {"libnccl.so.2", "libnccl-a1b2c3d4.so.2.28.9"}) {
    EXPECT_FALSE(is_nvidia_library(name)) << name;
    EXPECT_TRUE(is_free_nvidia_library(name)) << name;
  }
  EXPECT_FALSE(is_free_nvidia_library("libcublas.so.13"));
}

}  // namespace
}  // namespace lathe
