// SPDX-License-Identifier: MIT
#include "hardware/nixpkgs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs_columns.h"

namespace lathe {
namespace {

bool has(const std::vector<std::string>& items, const std::string& item) {
  return std::ranges::find(items, item) != items.end();
}

Version version(const char* text) { return *Version::parse(text); }

Capability capability(const char* text) { return parse_capability(text)->capability; }

TEST(Nixpkgs, IsToldInFullFromATimeOn) {
  const auto& rows = nixpkgs_tables().releases;
  EXPECT_TRUE(std::ranges::is_sorted(rows, {}, &NixpkgsFacts::since));
  for (const NixpkgsFacts& row : rows) {
    EXPECT_TRUE(has(row.cuda_sets, row.cuda)) << row.since;
    EXPECT_TRUE(has(row.cuda_aliases, row.cuda)) << row.since;
    for (const std::string& alias : row.cuda_aliases)
      EXPECT_TRUE(has(row.cuda_sets, alias)) << row.since << " " << alias;
    ASSERT_NE(torch_needs(row.torch), nullptr) << row.since;
    EXPECT_EQ(torch_needs(row.torch)->triton, row.triton)
        << row.since << ": nixpkgs moves torch and triton together";
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
    for (const std::string& set : pin.cuda_sets)
      EXPECT_TRUE(has(facts->cuda_sets, set)) << pin.rev << " " << set;
  }
  EXPECT_EQ(nixpkgs_facts("0000000000000000000000000000000000000000"), nullptr);
}

TEST(Nixpkgs, EachTimeSaysWhatItsTorchTakesAndInsistsOn) {
  for (const NixpkgsFacts& row : nixpkgs_tables().releases) {
    EXPECT_TRUE(row.torch_style == "rec" || row.torch_style == "finalAttrs") << row.since;
    EXPECT_TRUE(has(row.torch_arguments, "cudaSupport") && has(row.torch_arguments, "gpuTargets"))
        << row.since;
    EXPECT_TRUE(has(row.torch_capabilities, "9.0a") && has(row.torch_capabilities, "12.1")) << row.since;
    EXPECT_TRUE(row.has_patch("fix-cmake-cuda-toolkit.patch")) << row.since;
    EXPECT_FALSE(row.fixed_texts.empty()) << row.since;
    EXPECT_FALSE(row.cccl.empty()) << row.since;
    for (const TorchPatch& patch : nixpkgs_tables().patches)
      EXPECT_TRUE(!row.has_patch(patch.name) || patch.is_for(row.torch)) << row.since;
  }
  EXPECT_FALSE(has(nixpkgs_tables().releases.front().torch_arguments, "withNvshmem"));
  EXPECT_TRUE(has(nixpkgs_tables().releases.back().torch_arguments, "withNvshmem"));
  EXPECT_FALSE(has(nixpkgs_tables().releases.front().torch_capabilities, "11.0"));
  EXPECT_TRUE(has(nixpkgs_tables().releases.back().torch_capabilities, "11.0"));
}

TEST(Nixpkgs, AnUnknownRevisionIsTakenForTheNewestThatShipsItsPytorch) {
  EXPECT_EQ(assumed_facts("").since, nixpkgs_tables().releases.back().since);
  EXPECT_EQ(assumed_facts("2.9.1").since, "2026-02");
  EXPECT_EQ(assumed_facts("9.9.9").since, nixpkgs_tables().releases.back().since);
}

TEST(Nixpkgs, MagmaNeedsItsFixFromCuda13On) {
  EXPECT_EQ(magma_fix(version("12.9")), nullptr);
  const MagmaFix* fix = magma_fix(version("13.0"));
  ASSERT_NE(fix, nullptr);
  EXPECT_EQ(magma_fix(version("13.4.1")), fix);
  EXPECT_TRUE(fix->is("cuda-13.0-clockrate-fix.patch", ""));
  EXPECT_TRUE(
      fix->is("magma.patch",
              "https://github.com/icl-utk-edu/magma/commit/235aefb7b064954fce09d035c69907ba8a87cbcd.patch"));
  EXPECT_FALSE(fix->is("unrelated.patch", "https://example.org"));
}

TEST(Nixpkgs, ItsConfigurationRefusesWhatItsTableHasNotGotAndJetsonsForOtherMachinesThanArm) {
  const auto refused = [](const char* text, Machine machine) {
    return is_refused_by_config(capability(text), machine);
  };
  for (const char* unknown : {"10.7", "10.7a", "8.8", "5.3"})
    EXPECT_TRUE(refused(unknown, Machine::aarch64)) << unknown;
  EXPECT_FALSE(refused("10.3", Machine::x86_64));
  for (const char* jetson : {"8.7", "11.0", "11.0a"}) {
    EXPECT_TRUE(refused(jetson, Machine::x86_64)) << jetson;
    EXPECT_FALSE(refused(jetson, Machine::aarch64)) << jetson;
  }
}

TEST(Nixpkgs, MagmaAndNcclHaveCodeForTheGpusOfItsDefaultAndForWhatRunsIt) {
  EXPECT_TRUE(is_built_by_default(capability("9.0a"), version("13.0")));
  EXPECT_TRUE(is_built_by_default(capability("10.7"), version("13.4")));  // runs the code for 10.3
  EXPECT_TRUE(is_built_by_default(capability("12.1"), version("13.0.2")));
  EXPECT_FALSE(is_built_by_default(capability("11.0"), version("13.0")));
  EXPECT_FALSE(is_built_by_default(capability("8.7"), version("13.2")));
  EXPECT_FALSE(is_built_by_default(capability("7.0"), version("12.8")));
  EXPECT_FALSE(is_built_by_default(capability("10.0"), version("12.6")));
  EXPECT_TRUE(is_built_by_default(capability("9.0"), version("99.0")));  // nobody knows
}

TEST(Nixpkgs, EachCudaSetHasItsDefaultGpus) {
  for (const NixpkgsFacts& row : nixpkgs_tables().releases) {
    for (const std::string& set : row.cuda_sets)
      EXPECT_NE(default_gpus(version(set.c_str())), nullptr) << set;
  }
}

TEST(Nixpkgs, APatchIsForSomeReleases) {
  const auto patch = [](std::string_view name) {
    return *std::ranges::find(nixpkgs_tables().patches, name, &TorchPatch::name);
  };
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
            "CUDA 13.1 has no packages that run on 8.7 (Jetson Orin): those for Jetson end with CUDA 12.9, "
            "those for Arm servers run "
            "there from CUDA 13.2 on");
  EXPECT_EQ(why_no_packages(capability("8.7"), version("13.2")), "");
  EXPECT_EQ(why_no_packages(capability("9.0"), version("13.0")), "");
  EXPECT_EQ(why_no_packages(capability("11.0"), version("13.0")), "");
  EXPECT_EQ(why_no_packages(capability("7.2"), version("12.8")),
            "CUDA 12.8 has no packages that run on 7.2 (Jetson Xavier): those for Jetson end with CUDA 12.2");
  const std::vector<Capability> mixed = {capability("8.7"), capability("9.0")};
  EXPECT_EQ(why_no_common_packages(mixed, version("12.9")),
            "8.7 (Jetson) and 9.0 cannot be in one build with CUDA 12.9: each has CUDA packages of its own");
  EXPECT_EQ(why_no_common_packages(mixed, version("13.2")), "");
}

}  // namespace
}  // namespace lathe
