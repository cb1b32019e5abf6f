// SPDX-License-Identifier: MIT
#include "hardware/wheel_property.h"

#include <gtest/gtest.h>

#include "hardware/catalog.h"

namespace lathe {
namespace {

using Texts = std::vector<std::string>;

Texts texts(const std::vector<WheelProperty>& properties) {
  Texts result;
  for (const WheelProperty& property : properties) result.push_back(property.text());
  return result;
}

TEST(WheelProperty, ABuildStatesItsCodeAndItsCpu) {
  const std::vector<DeviceCode> code = {
      {{9, 0, 'a'}, CodeKind::cubin}, {{12, 0}, CodeKind::cubin}, {{12, 0}, CodeKind::ptx}};
  EXPECT_EQ(texts(properties_of_build(code, Version{{13, 0, 88}}, catalog().find_isa("avx2"))),
            (Texts{"nvidia :: cuda_version_lower_bound :: 13.0", "nvidia :: sm_arch :: 90a_real",
                   "nvidia :: sm_arch :: 120_real", "nvidia :: sm_arch :: 120_virtual", "x86_64 :: avx :: on",
                   "x86_64 :: avx2 :: on", "x86_64 :: fma :: on", "x86_64 :: f16c :: on"}));
  EXPECT_EQ(texts(properties_of_build({}, {}, nullptr)), Texts{});
}

TEST(WheelProperty, LevelsNeedAllTheirFeatures) {
  Texts features = {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"};
  EXPECT_EQ(x86_level({}), 1);
  EXPECT_EQ(x86_level(features), 2);
  features.insert(features.end(), {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"});
  EXPECT_EQ(x86_level(features), 3);
  features.insert(features.end(), {"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  EXPECT_EQ(x86_level(features), 3);
  features.emplace_back("avx512cd");
  EXPECT_EQ(x86_level(features), 4);
}

TEST(WheelProperty, LabelsFitIntoFileNames) {
  const std::vector<DeviceCode> code = {
      {{8, 6}, CodeKind::cubin}, {{12, 0}, CodeKind::cubin}, {{12, 0}, CodeKind::ptx}};
  EXPECT_EQ(wheel_label(code, catalog().find_isa("avx512")), "sm86_sm120ptx_avx512");
  EXPECT_EQ(wheel_label({}, nullptr), "cpu");
}

}  // namespace
}  // namespace lathe
