// SPDX-License-Identifier: MIT
#include "device/vendor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "formats/object_file.h"
#include "testing/plain_object.h"

namespace lathe {
namespace {

std::string container_of(const std::string& entries) {
  return encode_number(0xBA55ED50, 4) + encode_number(1, 2) + encode_number(16, 2) +
         encode_number(entries.size(), 8) + entries;
}

std::string entry_of(std::uint64_t payload, std::uint32_t compressed = 0, std::uint64_t unpacked = 0) {
  return encode_number(2, 2) + encode_number(0x0101, 2) + encode_number(64, 4) + encode_number(payload, 8) +
         encode_number(compressed, 4) + std::string(36, '\0') + encode_number(unpacked, 8) +
         std::string(payload, 'x');
}

std::vector<ImageExtent> images_in(const std::string& file, std::uint64_t step) {
  const auto stream = vendors()[0]->stream();
  std::vector<ImageExtent> images;
  for (std::uint64_t filled = 0; filled < file.size();) {
    filled = std::min<std::uint64_t>(file.size(), filled + step);
    while (const auto image = stream->next(as_byte_span(file), filled)) images.push_back(*image);
  }
  return images;
}

TEST(Vendor, TellsWhatASectionIs) {
  EXPECT_EQ(device_section(".nv_fatbin"), DeviceSection::images);
  EXPECT_EQ(device_section("__nv_relfatbin"), DeviceSection::linker);
  EXPECT_EQ(device_section(".nvFatBinSegment"), DeviceSection::wrappers);
  EXPECT_EQ(device_section(".text"), DeviceSection::none);
  EXPECT_EQ(device_section(""), DeviceSection::none);
}

TEST(Vendor, FindsTheImagesOfAFileThatArrivesInPieces) {
  const std::string file = std::string(24, '\0') + container_of(entry_of(8) + entry_of(72, 70, 4000)) +
                           std::string(8, '\0') + container_of(entry_of(16));
  for (const std::uint64_t step : {1u, 7u, 64u, 4096u}) {
    const auto images = images_in(file, step);
    ASSERT_EQ(images.size(), 3u) << step;
    EXPECT_EQ(images[0].begin, 24u + 16 + 64);
    EXPECT_EQ(images[0].unpacked_size, 8u);
    EXPECT_EQ(images[1].end - images[1].begin, 72u);
    EXPECT_EQ(images[1].unpacked_size, 4000u);
    EXPECT_EQ(images[2].end, file.size());
  }
}

TEST(Vendor, PassesByContainersThatClaimMoreThanThereIs) {
  std::string file = container_of(entry_of(16));
  file.replace(8, 8, encode_number(1 << 20, 8));
  EXPECT_TRUE(images_in(file + std::string(64, '\0'), 16).empty());
  std::string entry = entry_of(16);
  entry.replace(8, 8, encode_number(1 << 20, 8));
  EXPECT_EQ(images_in(container_of(entry) + container_of(entry_of(32)), 16).size(), 1u);
}

// Names cut to eight letters and pointers in place, as in PE.
TEST(Vendor, ReadsObjectFilesOfOtherFormatsThroughTheirSections) {
  testing::PlainObject object(std::string(64, '\0'));
  object.add(".text", std::string(32, '\x90'), SectionUse::code);
  object.add(".nv_fatb", container_of(entry_of(8) + entry_of(16)), SectionUse::constants);
  const std::uint64_t container = object.section(1).address;
  object.add(
      ".nvFatBi",
      encode_number(0x466243B1, 4) + encode_number(1, 4) + encode_number(container, 8) + std::string(8, '\0'),
      SectionUse::data);
  object.add("__nv_rel", container_of(entry_of(8)), SectionUse::constants);
  object.add(".rdata", std::string(16, '\0') + container_of(entry_of(8)), SectionUse::constants);
  const DeviceContents contents = read_device_code(object);
  EXPECT_TRUE(contents.findings.empty());
  ASSERT_EQ(contents.containers.size(), 2u);
  EXPECT_EQ(contents.containers[{0}].images.size(), 2u);
  EXPECT_EQ(contents.containers[{0}].address, container);
  EXPECT_EQ(contents.containers[{0}].wrapper, WrapperIndex{0});
  EXPECT_TRUE(contents.containers[{1}].relocatable);
  ASSERT_EQ(contents.wrappers.size(), 1u);
  EXPECT_EQ(contents.wrappers[{0}].pointer, DeviceWrapper::Pointer::in_place);
  const EmbeddedCode embedded = find_embedded(object, contents, nullptr, 1);
  ASSERT_EQ(embedded.containers.size(), 1u);
  EXPECT_EQ(embedded.places[0].section, ".rdata");
}

TEST(Vendor, SaysWhatACarvedContainerChanges) {
  const auto patches =
      vendors()[0]->patches({.offset = 4096, .address = 0x10000, .images_size = 80, .pointer_at = 9000});
  ASSERT_EQ(patches.size(), 2u);
  EXPECT_EQ(patches[0].at, 4104u);
  EXPECT_EQ(patches[0].bytes, encode_number(80, 8));
  EXPECT_EQ(patches[1].at, 9000u);
  EXPECT_EQ(patches[1].bytes, encode_number(0x10000, 8));
}

TEST(Vendor, KnowsFilesThatAreDeviceCodeAlone) {
  EXPECT_EQ(bare_format(as_byte_span(container_of("")))->name, "fat binary");
  EXPECT_EQ(bare_format(as_byte_span("// made\n.version 8.7\n"))->name, "PTX");
  EXPECT_FALSE(
      bare_format(as_byte_span("\x7f"
                               "ELF")));
}

}  // namespace
}  // namespace lathe
