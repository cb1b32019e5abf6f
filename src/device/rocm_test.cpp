// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/rocm.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/streams/decompress.h"
#include "testing/plain_object.h"

namespace lathe {
namespace {

std::string spelled(std::string_view text) {
  const auto target = rocm_target(text);
  return target ? spell(*target) : "none";
}

TargetCode code(std::string_view text) { return {.target = *rocm_target(text), .kind = ImageKind::native}; }

// Which of them a GPU takes; "none".
std::string picked(const std::vector<std::string>& codes, std::string_view device) {
  std::vector<TargetCode> all;
  for (const std::string& one : codes) all.push_back(code(one));
  const auto index = pick(all, *rocm_target(device));
  return index ? codes[*index] : "none";
}

using Images = std::vector<std::pair<std::string, std::string>>;  // name in the bundle, bytes

// As clang-offload-bundler writes it: each image at a multiple of 4 KiB.
std::string bundle(const Images& images) {
  std::string list = std::string(rocm::plain_magic) + encode_number(images.size(), 8), body;
  std::uint64_t at = 4096;
  for (const auto& [name, bytes] : images) {
    list += encode_number(at, 8) + encode_number(bytes.size(), 8) + encode_number(name.size(), 8) + name;
    body += bytes + std::string((4096 - bytes.size() % 4096) % 4096, '\0');
    at = 4096 + body.size();
  }
  list.resize(4096);
  return list + body;
}

std::string packed(const std::string& plain, unsigned version, std::uint16_t method = rocm::zstd) {
  const std::string frame = compress_zstd(as_byte_span(plain), 3);
  const unsigned width = version == 3 ? 8 : 4;
  const std::uint64_t header = 8 + 2 * width + 8;
  return "CCOB" + encode_number(version, 2) + encode_number(method, 2) +
         encode_number(header + frame.size(), width) + encode_number(plain.size(), width) +
         encode_number(1, 8) + frame;
}

const Images two = {{"host-x86_64-unknown-linux-gnu-", ""},
                    {"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+", std::string(5000, 'a')},
                    {"hipv4-amdgcn-amd-amdhsa--gfx942", std::string(3000, 'b')}};

TEST(Rocm, SpellsWhatItParses) {
  for (const char* const text : {"gfx90a", "gfx942", "gfx1100", "gfx90a:xnack+", "gfx90a:sramecc+:xnack-",
                                 "gfx9-generic", "gfx9-4-generic", "gfx10-3-generic", "gfx11-generic"})
    EXPECT_EQ(spelled(text), text);
  EXPECT_EQ(spelled("gfx90a:xnack-:sramecc+"), "gfx90a:sramecc+:xnack-");
  for (const char* const text : {"gfx", "gfx9", "gfx90g", "sm_90", "9.0", "gfx90a:", "gfx90a:xnack",
                                 "gfx90a:tf32+", "gfx90a:xnack+:xnack-", "gfx-generic", "gfx99999942"})
    EXPECT_EQ(spelled(text), "none") << text;
}

TEST(Rocm, StandsInTheOrderOfProcessors) {
  EXPECT_LT(*rocm_target("gfx90a"), *rocm_target("gfx942"));
  EXPECT_LT(*rocm_target("gfx942"), *rocm_target("gfx1030"));
  EXPECT_LT(*rocm_target("gfx90a"), *rocm_target("gfx90a:xnack-"));
}

TEST(Rocm, NamesOfImagesTellTheirTarget) {
  EXPECT_EQ(spell(*target_of_bundle_entry("hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+")), "gfx90a:xnack+");
  EXPECT_EQ(spell(*target_of_bundle_entry("hip-amdgcn-amd-amdhsa-gfx803")), "gfx803");
  EXPECT_FALSE(target_of_bundle_entry("host-x86_64-unknown-linux-gnu-"));
  EXPECT_FALSE(target_of_bundle_entry("hip-spirv64-amd-amdhsa--amdgcnspirv"));
}

TEST(Rocm, PicksAsLlvmStatesIt) {
  EXPECT_EQ(picked({"gfx90a", "gfx942"}, "gfx942"), "gfx942");
  EXPECT_EQ(picked({"gfx90a"}, "gfx942"), "none") << "nothing runs on a later processor";
  EXPECT_EQ(picked({"gfx9-4-generic"}, "gfx942"), "gfx9-4-generic");
  EXPECT_EQ(picked({"gfx9-4-generic", "gfx942"}, "gfx942"), "gfx942") << "its own before generic code";
  EXPECT_EQ(picked({"gfx9-generic"}, "gfx942"), "none");
  EXPECT_EQ(picked({"gfx9-generic"}, "gfx90a"), "none");
  EXPECT_EQ(picked({"gfx11-generic"}, "gfx1101"), "gfx11-generic");
  EXPECT_EQ(picked({"gfx90a:xnack+"}, "gfx90a:xnack-"), "none");
  EXPECT_EQ(picked({"gfx90a:xnack+", "gfx90a:xnack-"}, "gfx90a:xnack-"), "gfx90a:xnack-");
  EXPECT_EQ(picked({"gfx90a"}, "gfx90a:xnack+"), "gfx90a") << "it does not ask for a setting";
  EXPECT_EQ(picked({"gfx90a:xnack+"}, "gfx90a"), "gfx90a:xnack+") << "set as the machine has it";
}

TEST(Rocm, ReadsPlainAndPackedBundlesOfASection) {
  testing::PlainObject object(std::string(64, '\0'));
  const std::string padding(100, '\0');
  const std::string first = bundle(two), second = packed(first, 2), third = packed(first, 3);
  object.add(".hip_fatbin", first + padding + second + padding + third, SectionUse::constants);
  const auto& section = object.section(0);
  std::string wrappers;
  for (const std::uint64_t at : {std::uint64_t{0}, first.size() + 100, first.size() + second.size() + 200}) {
    wrappers += encode_number(rocm::wrapper_magic, 4) + encode_number(1, 4) +
                encode_number(section.address + at, 8) + std::string(8, '\0');
  }
  object.add(".hipFatBinSegment", wrappers, SectionUse::data);
  const DeviceContents contents = read_device_code(object);
  ASSERT_EQ(contents.vendor, &rocm_vendor());
  ASSERT_EQ(contents.containers.size(), 3u);
  EXPECT_EQ(contents.wrappers.size(), 3u);
  for (const DeviceContainer& container : contents.containers) {
    EXPECT_TRUE(container.wrapper);
    ASSERT_EQ(container.images.size(), 2u) << "the host's has no bytes";
    EXPECT_EQ(spell(container.images[{0}].target), "gfx90a:xnack+");
    EXPECT_EQ(container.images[{0}].unpacked_size, 5000u);
    EXPECT_EQ(container.images[{1}].unpacked_size, 3000u);
    EXPECT_LE(container.images[{1}].end(), container.end());
  }
  EXPECT_EQ(contents.containers[{0}].images[{1}].stored_size, 3000u);
  EXPECT_EQ(contents.containers[{1}].images[{0}].compression, Compression::whole);
  EXPECT_EQ(contents.findings.size(), 1u) << "that shares are an estimate";
  EXPECT_EQ(as_text(image_bytes(object.bytes(), contents.containers[{0}].images[{1}])),
            std::string(3000, 'b'));
}

TEST(Rocm, DamageIsFoundAndTheRestIsRead) {
  std::string bad = bundle(two);
  bad.replace(rocm::plain_magic.size() + 8 + 8, 8, encode_number(~std::uint64_t{0}, 8));  // the host's size
  const DeviceContents contents = read_bare_bundles(as_byte_span(bad + bundle(two)), "b.hipfb");
  EXPECT_EQ(contents.containers.size(), 2u);
  EXPECT_EQ(contents.findings.size(), 1u);
  const std::string cut = packed(bundle(two), 3).substr(0, 60);
  EXPECT_EQ(read_bare_bundles(as_byte_span(cut), "b.hipfb").findings.size(), 1u);
  const std::string old = packed(bundle(two), 1);  // does not say how long it is
  EXPECT_TRUE(read_bare_bundles(as_byte_span(old), "b.hipfb").containers.empty());
  EXPECT_FALSE(read_bare_bundles(as_byte_span(old), "b.hipfb").findings.empty());
}

TEST(Rocm, FilesOfItsOwnAreTold) {
  EXPECT_EQ(bare_format(as_byte_span(bundle(two)))->name, "offload bundle");
  std::string elf =
      "\x7f"
      "ELF\x02\x01\x01\x40\x02" +
      std::string(55, '\0');
  elf.replace(16, 4, encode_number(3, 2) + encode_number(rocm::machine, 2));
  elf.replace(48, 4, encode_number(0x3f | 3 << 8 | 1 << 10, 4));  // gfx90a, xnack on, sramecc any
  EXPECT_EQ(bare_format(as_byte_span(elf))->name, "AMD code object");
  EXPECT_EQ(spell(*rocm_vendor().look_into(as_byte_span(elf), ImageKind::native).target), "gfx90a:xnack+");
}

}  // namespace
}  // namespace lathe
