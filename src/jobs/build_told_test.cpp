// SPDX-License-Identifier: MIT
#include "jobs/build_told.h"

#include <gtest/gtest.h>

#include <vector>

namespace lathe {
namespace {

BuildTold of(std::vector<std::string> derivations) { return build_told(derivations); }

TEST(BuildTold, ANameSaysKindGpusCudaAndInstructionSet) {
  const BuildTold gpu = build_told(parse_variant_name("pytorch-python313-cuda12_8-sm86_sm89-avx512"));
  EXPECT_EQ(gpu.kind, BuildTold::Kind::gpu);
  EXPECT_EQ(gpu.gpus, "8.6 and 8.9");
  EXPECT_EQ(gpu.cuda, "12.8");
  EXPECT_EQ(gpu.isa, "avx512");
  const BuildTold cpu = build_told(parse_variant_name("torchvision-python313-cpu-avx2"));
  EXPECT_EQ(cpu.kind, BuildTold::Kind::cpu);
  EXPECT_EQ(cpu.cuda, "");
}

TEST(BuildTold, DerivationsAreReadWithTheInterpreterAndVersionThatNixpkgsAdds) {
  EXPECT_EQ(of({"source", "python3.13-pytorch-python313-cpu-avx2-2.10.0"}).kind, BuildTold::Kind::cpu);
  EXPECT_EQ(of({"pytorch-python313-cuda13_0-sm90-avx2"}).gpus, "9.0");
  EXPECT_EQ(of({"pytorch210-python312-cuda13_0-sm90-avx2-2.10.0"}).kind, BuildTold::Kind::gpu);
}

TEST(BuildTold, WhatIsNoVariantSaysNothingAndTwoThatDifferSayWhatTheyShare) {
  EXPECT_EQ(of({"python3.13-torch-2.10.0", "magma-2.9.0", "python3-3.13.1", "python", "-", ""}).kind,
            BuildTold::Kind::unknown);
  const BuildTold both =
      of({"pytorch-python313-cpu-avx2-2.10.0", "pytorch-python313-cuda13_0-sm90-avx2-2.10.0"});
  EXPECT_EQ(both.kind, BuildTold::Kind::unknown);
  EXPECT_EQ(both.isa, "avx2");
  EXPECT_EQ(of({"pytorch-python313-cpu-avx2", "torchvision-python313-cpu-avx512"}).kind,
            BuildTold::Kind::cpu);
}

}  // namespace
}  // namespace lathe
