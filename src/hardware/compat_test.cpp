// SPDX-License-Identifier: MIT
#include "hardware/compat.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"

namespace lathe {
namespace {

Capability cc(std::string_view text) { return parse_capability_as(text, Dialect::dotted).capability; }
Version version(std::string_view text) { return Version::parse(text).value(); }

// "sm_90a" is a cubin, "compute_90" is PTX.
DeviceCode code(std::string_view text) {
  const SpelledCapability spelled = parse_capability(text).value();
  return {spelled.capability, spelled.dialect == Dialect::compute ? CodeKind::ptx : CodeKind::cubin};
}

bool runs(std::string_view text, std::string_view device) { return runs_on(code(text), cc(device)); }

// What the driver picks, as written; "none" when there is no kernel image.
std::string picked(const std::vector<std::string>& texts, std::string_view device) {
  std::vector<DeviceCode> codes;
  for (const std::string& text : texts) codes.push_back(code(text));
  const auto index = pick(codes, cc(device));
  return index ? texts.at(*index) : "none";
}

TEST(DeviceCode, ACubinRunsOnItsMajorFromItsMinorUp) {
  EXPECT_TRUE(runs("sm_80", "8.0"));
  EXPECT_TRUE(runs("sm_80", "8.6"));
  EXPECT_TRUE(runs("sm_80", "8.9"));
  EXPECT_FALSE(runs("sm_86", "8.0"));
  EXPECT_FALSE(runs("sm_90", "10.0"));
  EXPECT_FALSE(runs("sm_100", "12.0"));
  EXPECT_FALSE(runs("sm_103", "11.0"));
  EXPECT_TRUE(runs("sm_120", "12.1"));
  EXPECT_TRUE(runs("sm_100", "10.3"));
}

TEST(DeviceCode, ATegraCubinMatchesExactlyInBothDirections) {
  EXPECT_TRUE(runs("sm_87", "8.7"));
  EXPECT_FALSE(runs("sm_86", "8.7"));
  EXPECT_FALSE(runs("sm_80", "8.7"));
  EXPECT_FALSE(runs("sm_87", "8.9"));
  EXPECT_FALSE(runs("sm_87", "8.8"));
  EXPECT_FALSE(runs("sm_70", "7.2"));
  EXPECT_FALSE(runs("sm_72", "7.5"));
  EXPECT_TRUE(runs("sm_110", "11.0"));
}

TEST(DeviceCode, ArchitectureSpecificCodeRunsOnThatCapabilityOnly) {
  EXPECT_TRUE(runs("sm_90a", "9.0"));
  EXPECT_TRUE(runs("compute_90a", "9.0"));
  EXPECT_FALSE(runs("sm_120a", "12.1"));
  EXPECT_FALSE(runs("compute_120a", "12.1"));
  EXPECT_FALSE(runs("sm_100a", "10.3"));
}

TEST(DeviceCode, FamilyCodeRunsOnItsMajorFromItsMinorUp) {
  EXPECT_TRUE(runs("sm_100f", "10.3"));
  EXPECT_TRUE(runs("sm_120f", "12.1"));
  EXPECT_TRUE(runs("compute_100f", "10.3"));
  EXPECT_FALSE(runs("sm_103f", "10.0"));
  EXPECT_FALSE(runs("sm_100f", "11.0"));
  EXPECT_FALSE(runs("compute_100f", "11.0"));
  EXPECT_FALSE(runs("compute_100f", "12.0"));
}

TEST(DeviceCode, PtxRunsOnEverythingFromItsCapabilityUp) {
  EXPECT_TRUE(runs("compute_80", "9.0"));
  EXPECT_TRUE(runs("compute_100", "12.0"));
  EXPECT_TRUE(runs("compute_86", "8.7"));  // Tegra too: the driver compiles it
  EXPECT_FALSE(runs("compute_90", "8.9"));
  EXPECT_FALSE(runs("compute_101", "10.0"));
}

TEST(Pick, IsWhatTheDriverDidOnADeviceOfCapability90) {
  EXPECT_EQ(picked({"sm_80"}, "9.0"), "none");
  EXPECT_EQ(picked({"sm_100", "compute_100"}, "9.0"), "none");
  EXPECT_EQ(picked({"sm_80", "compute_80"}, "9.0"), "compute_80");
  EXPECT_EQ(picked({"sm_90", "sm_90a"}, "9.0"), "sm_90a");
  EXPECT_EQ(picked({"sm_90a", "sm_90"}, "9.0"), "sm_90a");
  EXPECT_EQ(picked({"sm_90", "compute_90"}, "9.0"), "sm_90");
  EXPECT_EQ(picked({"sm_90a", "compute_80"}, "9.0"), "sm_90a");
  EXPECT_EQ(picked({"compute_80", "compute_90"}, "9.0"), "compute_90");
  EXPECT_EQ(picked({"compute_90a"}, "9.0"), "compute_90a");
  EXPECT_EQ(picked({}, "9.0"), "none");
}

TEST(Pick, PrefersExactThenFamilyThenTheNearestLowerMinor) {
  EXPECT_EQ(picked({"sm_80", "sm_86", "sm_75"}, "8.9"), "sm_86");
  EXPECT_EQ(picked({"sm_100", "sm_100f", "sm_103"}, "10.3"), "sm_103");
  EXPECT_EQ(picked({"sm_100", "sm_100f"}, "10.3"), "sm_100f");
  EXPECT_EQ(picked({"sm_100f", "sm_103f"}, "10.3"), "sm_103f");
  EXPECT_EQ(picked({"sm_100f", "sm_100"}, "10.0"), "sm_100");
  EXPECT_EQ(picked({"sm_100a", "sm_100"}, "10.3"), "sm_100");
  EXPECT_EQ(picked({"sm_86", "compute_80"}, "8.7"), "compute_80");
  EXPECT_EQ(picked({"compute_80", "sm_86", "sm_90"}, "8.9"), "sm_86");
}

TEST(Pick, OfEqualOnesTakesTheFirst) {
  const std::vector<DeviceCode> codes = {code("sm_80"), code("sm_90"), code("sm_90")};
  EXPECT_EQ(pick(codes, {9, 0}), 1u);
}

TEST(Pick, TheOfficialWheelsServeTheGpusThatPeopleReport) {
  const std::vector<std::string> wheel = {"sm_75",  "sm_80",  "sm_86",      "sm_90",
                                          "sm_100", "sm_120", "compute_120"};
  EXPECT_EQ(picked(wheel, "8.9"), "sm_86");
  EXPECT_EQ(picked(wheel, "12.1"), "sm_120");
  EXPECT_EQ(picked(wheel, "8.7"), "none");
  EXPECT_EQ(picked({"sm_86", "sm_90"}, "12.0"), "none");
}

TEST(Toolkit, SaysWhichCapabilitiesItCompilesFor) {
  const auto compiles = [](std::string_view release) {
    std::string all;
    for (const CapabilityRow& row : catalog().capabilities) {
      if (row.tegra && row.capability < Capability{7, 5}) continue;  // too old for any recipe
      for (const char suffix : {char(0), 'a', 'f'}) {
        const Capability one{row.capability.major, row.capability.minor, suffix};
        if (why_not_compilable(one, version(release)).empty()) all += spell(one, Dialect::cmake) + " ";
      }
    }
    return all;
  };
  EXPECT_EQ(compiles("12.6"), "50 52 60 61 70 75 80 86 87 89 90 90a ");
  EXPECT_EQ(compiles("12.8"), "50 52 60 61 70 75 80 86 87 89 90 90a 100 100a 101 101a 120 120a ");
  EXPECT_EQ(compiles("12.9"),
            "50 52 60 61 70 75 80 86 87 89 90 90a 100 100a 100f 101 101a 101f 103 103a 103f 120 120a 120f "
            "121 121a 121f ");
  EXPECT_EQ(
      compiles("13.0"),
      "75 80 86 87 88 89 90 90a 100 100a 100f 103 103a 103f 110 110a 110f 120 120a 120f 121 121a 121f ");
  EXPECT_EQ(compiles("13.1"), compiles("13.0"));
  EXPECT_EQ(compiles("12.9.1"), compiles("12.9"));
}

TEST(Toolkit, SaysWhyNotAndWhatToUse) {
  const auto why = [](std::string_view capability, std::string_view toolkit) {
    return why_not_compilable(cc(capability), version(toolkit));
  };
  EXPECT_EQ(why("10.3", "12.8"), "CUDA 12.8 cannot compile for 10.3: the first toolkit that can is 12.9");
  EXPECT_EQ(why("7.0", "13.0"), "CUDA 13.0 cannot compile for 7.0: the last toolkit that can is 12.9");
  EXPECT_EQ(why("10.1", "13.0"), "CUDA 13.0 cannot compile for 10.1: after CUDA 12.9 it is called 11.0");
  EXPECT_EQ(why("10.1a", "13.0"), "CUDA 13.0 cannot compile for 10.1a: after CUDA 12.9 it is called 11.0a");
  EXPECT_EQ(why("11.0", "12.8"),
            "CUDA 12.8 cannot compile for 11.0: the first toolkit that can is 13.0; CUDA 12.8 calls it 10.1");
  EXPECT_EQ(why("12.0f", "12.8"), "CUDA 12.8 cannot compile for 12.0f: the first toolkit that can is 12.9");
  EXPECT_EQ(why("9.0f", "13.0"), "no CUDA toolkit compiles for 9.0f: family code begins with 10.0");
  EXPECT_EQ(why("8.6a", "13.0"),
            "no CUDA toolkit compiles for 8.6a: architecture-specific code begins with 9.0");
  EXPECT_EQ(why("13.7", "13.0"), "no CUDA toolkit in the catalogue compiles for 13.7");
}

TEST(Driver, IsTheHighestOfTheThreeFloors) {
  const auto floor = [](std::string_view capability, std::string_view toolkit, bool ptx) {
    return minimum_driver(cc(capability), version(toolkit), ptx).text();
  };
  EXPECT_EQ(floor("8.6", "12.8", false), "525");
  EXPECT_EQ(floor("8.6", "12.8", true), "570.26");
  EXPECT_EQ(floor("12.0", "12.8", false), "570");
  EXPECT_EQ(floor("12.0", "12.8", true), "570.26");
  EXPECT_EQ(floor("10.3", "12.9", false), "575");
  EXPECT_EQ(floor("9.0", "13.0", false), "580");
  EXPECT_EQ(floor("9.0", "13.0", true), "580.65.06");
  EXPECT_EQ(floor("9.0", "13.1", false), "580");
  EXPECT_EQ(floor("9.0", "13.1", true), "590.44.01");
  EXPECT_EQ(floor("13.7", "13.0", false), "580");
  EXPECT_EQ(floor("9.0", "12.9.1", false), "525");
  EXPECT_THROW(floor("9.0", "11.8", false), Error);
}

TEST(Isa, RunsWhereEveryCpuOfTheOtherRunsIt) {
  const auto runs = [](std::string_view built, std::string_view offered) {
    return isa_runs_on(*catalog().find_isa(built), *catalog().find_isa(offered));
  };
  EXPECT_TRUE(runs("avx2", "avx512"));  // the flags of avx512 lack F16C, its CPUs do not
  EXPECT_TRUE(runs("avx512vnni", "avx512bf16"));
  EXPECT_FALSE(runs("avx512bf16", "avx512vnni"));
  EXPECT_FALSE(runs("avx512", "avx2"));
  EXPECT_TRUE(runs("avx", "avx"));
  EXPECT_TRUE(runs("armv8_2", "armv9"));
  EXPECT_FALSE(runs("armv9", "armv8_2"));
  EXPECT_FALSE(runs("avx", "armv9"));
}

PairVerdict judge(std::string_view capability, std::string_view isa) {
  return judge_pair(cc(capability), *catalog().find_isa(isa));
}

TEST(Pair, AnX86IsaWithAGpuSolderedToAnArmChipIsImpossible) {
  for (const char* capability : {"7.2", "8.7", "8.8", "10.1", "11.0", "12.1"}) {
    for (const Isa& isa : catalog().isas) {
      if (isa.machine != Machine::x86_64) continue;
      EXPECT_EQ(judge(capability, isa.name).status, PairStatus::impossible) << capability << isa.name;
    }
  }
  EXPECT_EQ(judge("12.1", "avx2").reason,
            "no such machine: 12.1 is in aarch64 machines only (GB10), avx2 is for x86_64");
}

TEST(Pair, AnIsaThatNoMachineStopsAtIsRedundant) {
  for (const char* capability : {"10.0", "10.3"}) {
    for (const char* isa : {"avx", "avx2", "avx512", "armv8_2"}) {
      EXPECT_EQ(judge(capability, isa).status, PairStatus::redundant) << capability << isa;
      EXPECT_TRUE(judge(capability, isa).reason.starts_with("no such machine: "))
          << judge(capability, isa).reason;
    }
  }
  for (const char* capability : {"11.0", "12.1"})
    EXPECT_EQ(judge(capability, "armv8_2").status, PairStatus::redundant);
  EXPECT_EQ(judge("10.0", "armv8_2").reason,
            "no such machine: none with 10.0 stops at armv8_2; it runs, but Grace has armv9");
  EXPECT_EQ(
      judge("10.0", "avx2").reason,
      "no such machine: none with 10.0 stops at avx2; it runs, but HGX B200 has avx512vnni, avx512bf16");
}

TEST(Pair, AnIsaAboveWhatTheHostsOfferIsImpossible) {
  EXPECT_EQ(judge("8.7", "armv9").status, PairStatus::impossible);
  EXPECT_EQ(judge("8.7", "armv9").reason,
            "no such machine: 8.7 sits beside Cortex-A78AE, which stops at armv8_2 and cannot run armv9");
  EXPECT_EQ(judge("7.2", "armv8_2").reason,
            "no such machine: 7.2 sits beside Carmel, which cannot run armv8_2");
}

TEST(Pair, TheBestIsaOfSomeMachineIsValidAndNamesIt) {
  EXPECT_EQ(judge("8.0", "avx2").reason,
            "nothing beats avx2 on Zen 3, Zen 2 (HGX A100); Zen 3, Zen 2 and 7 more (x86 PC); 1 more kind of "
            "machine");
  EXPECT_EQ(judge("9.0", "armv9").reason,
            "nothing beats armv9 on Neoverse V2 (Grace); Neoverse V2, Neoverse N2 (Arm server)");
  for (const auto& [capability, isa] :
       std::vector<std::pair<const char*, const char*>>{{"8.0", "avx2"},
                                                        {"9.0", "armv9"},
                                                        {"10.0", "armv9"},
                                                        {"10.3", "armv9"},
                                                        {"12.0", "avx2"},
                                                        {"12.0", "armv8_2"},
                                                        {"12.0", "armv9"},
                                                        {"8.6", "avx2"},
                                                        {"8.7", "armv8_2"},
                                                        {"11.0", "armv9"},
                                                        {"12.1", "armv9"},
                                                        {"10.0", "avx512vnni"},
                                                        {"10.0", "avx512bf16"},
                                                        {"10.3", "avx512vnni"},
                                                        {"10.3", "avx512bf16"},
                                                        {"9.0", "avx512"},
                                                        {"9.0", "avx2"},
                                                        {"8.9", "avx512bf16"},
                                                        {"10.1", "armv9"}}) {
    const PairVerdict verdict = judge(capability, isa);
    EXPECT_EQ(verdict.status, PairStatus::valid) << capability << " " << isa << ": " << verdict.reason;
    EXPECT_TRUE(verdict.reason.find("(") != std::string::npos) << verdict.reason;
  }
}

TEST(Pair, TheSuffixOfACapabilityDoesNotChangeTheMachines) {
  EXPECT_EQ(judge("9.0a", "armv9").reason, judge("9.0", "armv9").reason);
}

TEST(Pair, AnUnknownCapabilityIsImpossible) {
  EXPECT_EQ(judge("13.7", "avx2").status, PairStatus::impossible);
  EXPECT_EQ(judge("13.7", "avx2").reason, "no GPU in the catalogue has compute capability 13.7");
}

TEST(Pair, EveryPairHasAReason) {
  for (const CapabilityRow& row : catalog().capabilities) {
    for (const Isa& isa : catalog().isas) {
      const PairVerdict verdict = judge_pair(row.capability, isa);
      EXPECT_FALSE(verdict.reason.empty());
      EXPECT_LT(verdict.reason.size(), 160u) << verdict.reason;
    }
  }
}

}  // namespace
}  // namespace lathe
