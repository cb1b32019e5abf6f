// SPDX-License-Identifier: MIT
#include "hardware/nixpkgs.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lathe {
namespace {

bool has(const std::vector<std::string>& items, const std::string& item) { return std::ranges::find(items, item) != items.end(); }

Version version(const char* text) { return *Version::parse(text); }

Capability capability(const char* text) { return parse_capability(text)->capability; }

TEST(Nixpkgs, IsToldInFullFromATimeOn) {
  const auto& rows = nixpkgs_tables().releases;
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &NixpkgsFacts::since));
  for (const NixpkgsFacts& row : rows) {
    EXPECT_TRUE(has(row.cuda_sets, row.cuda)) << row.since;
    EXPECT_TRUE(has(row.cuda_aliases, row.cuda)) << row.since;
    for (const std::string& alias : row.cuda_aliases) EXPECT_TRUE(has(row.cuda_sets, alias)) << row.since << " " << alias;
    ASSERT_NE(torch_needs(row.torch), nullptr) << row.since;
    EXPECT_EQ(torch_needs(row.torch)->triton, row.triton) << row.since << ": nixpkgs moves torch and triton together";
    EXPECT_GT(row.provenance.source.size(), 5u);
  }
}

TEST(Nixpkgs, EveryPinOfTheCatalogueIsLikeSomeTime) {
  for (const Pin& pin : catalog().pins) {
    const NixpkgsFacts* facts = nixpkgs_facts(pin.rev);
    ASSERT_NE(facts, nullptr) << pin.rev;
    EXPECT_FALSE(nixpkgs_like(pin.rev).empty());
    EXPECT_EQ(pin.magma_cuda13, facts->magma_cuda13) << pin.rev;
    EXPECT_TRUE(pin.torch.empty() || pin.torch == facts->torch) << pin.rev;
    EXPECT_TRUE(pin.cuda.empty() || pin.cuda == facts->cuda) << pin.rev;
    for (const std::string& set : pin.cuda_sets) EXPECT_TRUE(has(facts->cuda_sets, set)) << pin.rev << " " << set;
  }
  EXPECT_EQ(nixpkgs_facts("0000000000000000000000000000000000000000"), nullptr);
}

TEST(Nixpkgs, APatchIsForSomeReleases) {
  const auto patch = [](std::string_view name) { return *std::ranges::find(nixpkgs_tables().patches, name, &TorchPatch::name); };
  EXPECT_TRUE(patch("pytorch-pr-108847.patch").is_for("2.9.1"));
  EXPECT_TRUE(patch("pytorch-pr-108847.patch").is_for("2.11.0a0+gitf3b7280"));
  EXPECT_FALSE(patch("pytorch-pr-108847.patch").is_for("2.13.0"));
  EXPECT_FALSE(patch("forward-cupti-env-vars.patch").is_for("2.10.0"));
  EXPECT_TRUE(patch("forward-cupti-env-vars.patch").is_for("unknown"));
}

TEST(Nixpkgs, JetsonsHavePackagesOfTheirOwnUntilCuda13) {
  EXPECT_TRUE(has_jetson_packages(capability("8.7"), version("12.9.1")));
  EXPECT_FALSE(has_jetson_packages(capability("8.7"), version("13.2")));
  EXPECT_FALSE(has_jetson_packages(capability("11.0"), version("13.0")));
  EXPECT_EQ(why_no_packages(capability("8.7"), version("12.6")), "");
  EXPECT_EQ(why_no_packages(capability("8.7"), version("13.1")),
            "CUDA 13.1 has no packages that run on 8.7 (Jetson Orin): those for Jetson end with CUDA 12.9, those for Arm servers run "
            "there from CUDA 13.2 on");
  EXPECT_EQ(why_no_packages(capability("8.7"), version("13.2")), "");
  EXPECT_EQ(why_no_packages(capability("9.0"), version("13.0")), "");
  const std::vector<Capability> mixed = {capability("8.7"), capability("9.0")};
  EXPECT_EQ(why_no_common_packages(mixed, version("12.9")),
            "8.7 (Jetson) and 9.0 cannot be in one build with CUDA 12.9: each has CUDA packages of its own");
  EXPECT_EQ(why_no_common_packages(mixed, version("13.2")), "");
}

}  // namespace
}  // namespace lathe
