// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "device/contents.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/elf_headers.h"
#include "hardware/capability.h"
#include "formats/object_file.h"
#include "testing/plain_object.h"

namespace lathe {
namespace {

using namespace std::string_literals;

const std::string empty_container =
    encode_number(0xBA55ED50, 4) + encode_number(1, 2) + encode_number(16, 2) + encode_number(0, 8);

std::string wrapper(unsigned version, std::uint64_t container) {
  return encode_number(0x466243B1, 4) + encode_number(version, 4) + encode_number(container, 8) +
         std::string(8, '\0');
}

// A library with a device link and two relocatable containers; `modules` stands in their section.
bool all_linked(const std::string& modules, std::string_view section = "__nv_module_id",
                unsigned version = 2) {
  testing::PlainObject object(std::string(64, '\0'));
  object.add(".nv_fatbin", empty_container, SectionUse::constants);
  object.add("__nv_relfatbin", empty_container + empty_container, SectionUse::constants);
  object.add(section, modules, SectionUse::constants);
  const std::uint64_t relocatable = object.section(1).address;
  object.add(
      ".nvFatBinSegment",
      wrapper(version, object.section(0).address) + wrapper(1, relocatable) + wrapper(1, relocatable + 16),
      SectionUse::data);
  return read_device_code(object).all_linked;
}

TEST(DeviceLinks, AreKnownByTheNamesThatTheLinkerLeft) {
  EXPECT_TRUE(all_linked("def _a\0def _b\0\0\0\0_a\0\0_b\0"s));
  EXPECT_TRUE(all_linked("_b\0def _a\0_a\0\0def _b"s));
  EXPECT_TRUE(all_linked("def _a\0def _b\0_a\0_b\0"s, "__nv_mod"));
}

TEST(DeviceLinks, AreNoneOfObjectsWithoutRelocatableCode) {
  EXPECT_TRUE(all_linked("def _a\0def _b\0_a\0__NV_MODULE_ID\0_b\0__NV_MODULE_ID\0"s));
}

TEST(DeviceLinks, LeaveOutAnObject) {
  EXPECT_FALSE(all_linked("def _a\0_a\0_b\0"s));
  EXPECT_FALSE(all_linked("def _a\0def _a\0_a\0_b\0"s));
}

TEST(DeviceLinks, AreNotKnownWhereNamesAndContainersDiffer) {
  EXPECT_FALSE(all_linked("def _a\0_a\0"s));
  EXPECT_FALSE(all_linked("def _a\0def _b\0def _c\0_a\0_b\0_c\0"s));
  EXPECT_FALSE(all_linked(""s));
  EXPECT_FALSE(all_linked("def _a\0def _b\0_a\0_b\0"s, ".rodata"));
}

// As inspect tells them: what all of these containers can be linked to.
std::string relinkable(const std::vector<std::vector<std::string>>& relocatable) {
  DeviceContents contents;
  for (const auto& codes : relocatable) {
    DeviceContainer container{.relocatable = true};
    for (const std::string& code : codes) {
      const auto spelled = parse_capability(code);
      DeviceImage image;
      image.kind = spelled->dialect == Dialect::compute ? ImageKind::portable : ImageKind::native;
      image.target = cuda_target(spelled->capability);
      container.images.push_back(image);
    }
    contents.containers.push_back(container);
  }
  std::string text;
  for (const TargetCode& code : vendors()[0]->relinkable(contents))
    text += (text.empty() ? "" : " ") + spell(code);
  return text;
}

TEST(DeviceLinks, CanBeMadeAgainForWhatAllRelocatableContainersHave) {
  EXPECT_EQ(relinkable({{"sm_80", "compute_80"}, {"sm_80", "compute_80"}}), "sm_80 compute_80");
  EXPECT_EQ(relinkable({{"sm_80", "sm_90"}, {"sm_90"}}), "sm_90");
  EXPECT_EQ(relinkable({{"sm_80"}, {"sm_90"}}), "");
  EXPECT_EQ(relinkable({{"compute_80"}, {"compute_90"}}), "compute_90");
  EXPECT_EQ(relinkable({{"compute_90a"}, {"compute_80"}}), "compute_90a");
  EXPECT_EQ(relinkable({{"sm_90a"}, {"sm_90"}}), "sm_90a");
  EXPECT_EQ(relinkable({{"sm_90"}, {}}), "");
  EXPECT_EQ(relinkable({}), "");
}

TEST(DeviceLinks, OfMachineCodeAndPtxServeOneGpuAlone) {
  EXPECT_EQ(relinkable({{"sm_80", "compute_80"}, {"sm_80", "sm_90"}}), "sm_80 compute_90a");
}

TEST(DeviceLinks, AreNoneWithoutALinkedContainer) {
  EXPECT_FALSE(all_linked("def _a\0def _b\0_a\0_b\0"s, "__nv_module_id", 1));
}

}  // namespace
}  // namespace lathe
