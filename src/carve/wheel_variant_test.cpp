// SPDX-License-Identifier: MIT
// Held against the format's own reader, variantlib, in tests/variant_wheel.py.
#include "carve/wheel_variant.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace lathe {
namespace {

std::string refusal(const auto& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.parts().what;
  }
  return "no error";
}

TEST(WheelVariant, PutsTheGpusIntoTheLocalLabelAndDropsThoseOfAnEarlierCarve) {
  const auto version = [](std::string_view old, std::string_view gpus) {
    return version_for(old, parse_carve_targets(gpus));
  };
  EXPECT_EQ(version("2.10.0+cu128", "9.0"), "2.10.0+cu128.sm90");
  EXPECT_EQ(version("2.11.0", "12.0,8.6"), "2.11.0+sm86.sm120");
  EXPECT_EQ(version("2.11.0", "9.0+PTX"), "2.11.0+sm90ptx");
  EXPECT_EQ(version("2.10.0+cu128.sm86.sm90ptx", "8.6"), "2.10.0+cu128.sm86");
  EXPECT_EQ(version("2.10.0+smart.sm", "8.6"), "2.10.0+smart.sm.sm86");
  EXPECT_EQ(version("2.10.0+rocm6.4", "MI300X"), "2.10.0+rocm6.4.gfx942");
  EXPECT_EQ(version("2.10.0+gfx942", "gfx90a:xnack+,9.0"), "2.10.0+sm90.gfx90axnackon");
  EXPECT_NE(refusal([] { variant_label("auto", parse_carve_targets("gfx942")); }), "no error");
}

TEST(WheelVariant, ItsLabelNamesTheGpusAndFitsTheFormat) {
  EXPECT_EQ(variant_label("auto", parse_carve_targets("9.0")), "sm90");
  EXPECT_EQ(variant_label("auto", parse_carve_targets("8.6,9.0+PTX")), "sm86_sm90ptx");
  EXPECT_EQ(variant_label("ampere", parse_carve_targets("8.0,8.6")), "ampere");
  for (const char* bad : {"Ampere", "a-b", "", "null", "seventeen_letters"}) {
    EXPECT_EQ(refusal([&] { variant_label(bad, parse_carve_targets("9.0")); }),
              "\"" + std::string(bad) + "\" is not a label of a wheel variant");
  }
  EXPECT_EQ(refusal([] { variant_label("auto", parse_carve_targets("7.5,8.0,8.6,9.0")); }),
            "\"sm75_sm80_sm86_sm90\" is not a label of a wheel variant");
}

TEST(WheelVariant, StatesTheGpusAndTheToolkit) {
  const std::string text = wheel_variant_json("sm86_sm90ptx", parse_carve_targets("8.6,9.0+PTX"), "13.0", "");
  const Json json = parse_json(text, "variant.json");
  const Json& stated = *json.find("variants")->find("sm86_sm90ptx")->find("nvidia");
  std::vector<std::string> values;
  for (const Json& value : *stated.find("sm_arch")->array()) values.push_back(*value.text());
  EXPECT_EQ(values, (std::vector<std::string>{"86_real", "90_real", "90_virtual"}));
  EXPECT_EQ(*stated.find("cuda_version_lower_bound")->array()->front().text(), "13.0");
  EXPECT_EQ(*json.find("default-priorities")->find("namespace")->array()->front().text(), "nvidia");
}

constexpr std::string_view earlier = R"({"default-priorities": {"namespace": ["nvidia", "x86_64"]},
  "providers": {"nvidia": {"requires": ["old"]},
                "x86_64": {"requires": ["provider-variant-x86-64"], "optional": true}},
  "variants": {"fat": {"nvidia": {"sm_arch": ["80_real", "90_real"]}, "x86_64": {"level": ["v3"]}}}})";

TEST(WheelVariant, KeepsWhatAnEarlierOneSaysOfOtherThings) {
  const Json json =
      parse_json(wheel_variant_json("sm90", parse_carve_targets("9.0"), "", earlier), "variant.json");
  EXPECT_EQ(json.find("variants")->object()->size(), 1u);
  const Json& stated = *json.find("variants")->find("sm90");
  EXPECT_EQ(*stated.find("x86_64")->find("level")->array()->front().text(), "v3");
  EXPECT_EQ(stated.find("nvidia")->find("sm_arch")->array()->size(), 1u);
  EXPECT_EQ(stated.find("nvidia")->find("cuda_version_lower_bound"), nullptr);
  EXPECT_TRUE(*json.find("providers")->find("x86_64")->find("optional")->get<bool>());
  EXPECT_NE(*json.find("providers")->find("nvidia")->find("requires")->array()->front().text(), "old");
}

TEST(WheelVariant, RefusesAnEarlierOneThatItDoesNotUnderstand) {
  for (const char* text :
       {"{}", R"({"variants": []})", R"({"variants": {"a": {}, "b": {}}})", R"({"variants": {"a": 1}})",
        R"({"variants": {"a": {"x": []}}})", R"({"variants": {"a": {"x": {"y": 1}}}})",
        R"({"variants": {"a": {"x": {"y": [1]}}}})", "[", ""}) {
    const bool none = std::string_view(text).empty();
    EXPECT_EQ(
        refusal([&] { wheel_variant_json("sm90", parse_carve_targets("9.0"), "", text); }) == "no error",
        none)
        << text;
  }
}

}  // namespace
}  // namespace lathe
