// SPDX-License-Identifier: MIT
// Libraries made by the assembler, with device code among their constants.
#include "device/embedded.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "device/cuda_target.h"
#include "formats/elf.h"
#include "testing/test_paths.h"
#include "device/embedded_marks.h"
#include "device/target.h"
#include "inspect/byte_shares.h"
#include "inspect/inspect.h"
#include "os/file.h"
#include "os/mapped_file.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

template <typename T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

// One container with one image of 64 bytes.
std::string container(std::uint16_t kind = 2, std::uint32_t arch = 90, std::uint64_t flags = 0x11) {
  std::string bytes(16 + 64 + 64, '\0');
  put<std::uint32_t>(bytes, 0, 0xBA55ED50);
  put<std::uint16_t>(bytes, 4, 1);
  put<std::uint16_t>(bytes, 6, 16);
  put<std::uint64_t>(bytes, 8, 128);
  put<std::uint16_t>(bytes, 16, kind);
  put<std::uint16_t>(bytes, 18, 0x0101);
  put<std::uint32_t>(bytes, 20, 64);
  put<std::uint64_t>(bytes, 24, 64);
  put<std::uint32_t>(bytes, 44, arch);
  put<std::uint64_t>(bytes, 56, flags);
  put<std::uint64_t>(bytes, 80, 0x33010102464c457f);  // what begins with zeros was emptied
  return bytes;
}

// A library with these bytes in a section of its own.
std::string library(const std::string& data, const std::string& section = ".rodata.device_code,\"a\"") {
  ScratchFolder folder;
  folder.write("data.bin", data);
  folder.write("a.s", ".section " + section + "\n.incbin \"data.bin\"\n.section .note.GNU-stack,\"\"\n");
  folder.run("gcc -shared -nostdlib -o a.so a.s");
  return read_file(folder.path() / "a.so");
}

EmbeddedCode found_in(const std::string& bytes, unsigned threads = 1) {
  const Elf elf = Elf::parse(as_byte_span(bytes), "a.so");
  return find_embedded(elf, read_device_code(elf), nullptr, threads);
}

std::string cubin_of_ptxas(const std::string& name) {
  return read_file(std::string(testing::source_folder) + "/tests/cubins/" + name);
}

TEST(CodeMarks, AreFoundAtEveryOffset) {
  for (const std::string& mark : std::vector<std::string>{"\x50\xed\x55\xba",
                                                          "\x7f"
                                                          "ELF",
                                                          ".ver"}) {
    for (std::size_t size = 4; size < 200; ++size) {
      for (std::size_t at = 0; at + 4 <= size; ++at) {
        std::string bytes(size, '.');
        bytes.replace(at, 4, mark);
        std::vector<MarkedPlace> found;
        find_code_marks(as_byte_span(bytes), 1000, found);
        ASSERT_EQ(found.size(), 1u) << size << ' ' << at;
        ASSERT_EQ(found[0].offset, 1000 + at);
      }
    }
  }
}

TEST(Embedded, OfBytesThatAreAlmostMarksThoseThatAreAreFoundOnceAndInOrder) {
  constexpr std::string_view pieces[] = {"\x50\xed\x55\xba",
                                         "\x50\xed\x55",
                                         "\xed\x55\xba",
                                         "\x7f"
                                         "ELF",
                                         "\x7f"
                                         "EL",
                                         "LF",
                                         ".ver",
                                         ".v",
                                         "r",
                                         "."};
  std::mt19937 random(7);
  for (int run = 0; run < 2000; ++run) {
    std::string bytes;
    while (bytes.size() < 300) {
      bytes += pieces[random() % std::size(pieces)];
      if (random() % 16 == 0) bytes += std::string(random() % 150, '\0');
    }
    std::vector<std::uint64_t> expected, offsets;
    for (std::size_t at = 0; at + 4 <= bytes.size(); ++at) {
      const std::string_view here = std::string_view(bytes).substr(at, 4);
      if (here == pieces[0] || here == pieces[3] || here == pieces[6]) expected.push_back(at);
    }
    std::vector<MarkedPlace> found;
    find_code_marks(as_byte_span(bytes), 0, found);
    for (const MarkedPlace& place : found) offsets.push_back(place.offset);
    ASSERT_EQ(offsets, expected) << run;
  }
}

TEST(Embedded, ContainersAmongConstantsAreFoundWhereverTheyBegin) {
  for (std::size_t shift = 0; shift < 9; ++shift) {
    const EmbeddedCode found =
        found_in(library(std::string(shift, 'x') + container() + "between" + container(8, 75)));
    ASSERT_EQ(found.containers.size(), 2u) << shift;
    EXPECT_EQ(found.containers[{0}].images[{0}].target, cuda_target({9, 0}));
    EXPECT_EQ(found.containers[{1}].images[{0}].kind, ImageKind::link_ir);
    EXPECT_EQ(found.bytes(), 2 * container().size());
    ASSERT_EQ(found.places.size(), 1u);
    EXPECT_EQ(found.places[0].section, ".rodata");
  }
}

TEST(Embedded, WhatIsNotWholeIsNotAContainer) {
  struct Change {
    std::size_t at;
    std::uint16_t value;
  };
  // version, header size, size of all entries (too small, too large), version and header size of an entry,
  // its payload
  for (const auto& [at, value] :
       {Change{4, 0}, {6, 24}, {8, 127}, {8, 129}, {8, 0}, {18, 0x0102}, {20, 60}, {24, 65}}) {
    std::string wrong = container();
    put(wrong, at, value);
    EXPECT_TRUE(found_in(library(wrong)).empty()) << at << ' ' << value;
  }
  EXPECT_TRUE(found_in(library(container().substr(0, 143))).empty());
}

TEST(Embedded, WhatLiesInsideAnImageCountsOnce) {
  std::string outer(16 + 64, '\0');
  const std::string inner = container();
  outer.replace(0, 80, container().substr(0, 80));
  put<std::uint64_t>(outer, 8, 64 + inner.size());
  put<std::uint64_t>(outer, 24, inner.size());
  EXPECT_EQ(found_in(library(outer + inner)).containers.size(), 1u);
}

TEST(Embedded, AFileWithoutSectionHeadersShowsTheSame) {
  std::string bytes = library("abc" + container());
  std::memset(bytes.data() + 40, 0, 8);
  std::memset(bytes.data() + 60, 0, 4);
  const EmbeddedCode found = found_in(bytes);
  EXPECT_EQ(found.containers.size(), 1u);
  ASSERT_EQ(found.places.size(), 1u);
  EXPECT_EQ(found.places[0].section, "");
}

TEST(Embedded, WhatIsNotLoadedIsNotLookedAt) {
  EXPECT_TRUE(found_in(library(container(), ".notes_of_mine,\"\"")).empty());
  EXPECT_EQ(found_in(library(container(), ".mine,\"aw\"")).containers.size(), 1u);
}

TEST(Embedded, ACubinIsFoundByItsStructureAndNotByItsFirstBytes) {
  const std::string cubin = cubin_of_ptxas("sm_100a-cuda12.9.cubin");
  const EmbeddedCode found = found_in(library("x" + cubin + "behind"));
  ASSERT_EQ(found.images.size(), 1u);
  EXPECT_EQ(found.images[0].size, cubin.size());
  EXPECT_EQ(spell(found.images[0].code), "sm_100a");
  EXPECT_TRUE(found_in(library(cubin.substr(0, cubin.size() - 1))).empty());
  std::string other = cubin;
  put<std::uint16_t>(other, 18, elf::em_x86_64);
  EXPECT_TRUE(found_in(library(other)).empty());
}

TEST(Embedded, APtxTextIsAModuleAndNotAWord) {
  const std::string module = ".version 8.7\n.target sm_90a\n.visible .entry k() { ret; }\n";
  const EmbeddedCode found = found_in(library("before" + module + '\0' + "behind"));
  ASSERT_EQ(found.images.size(), 1u);
  EXPECT_EQ(found.images[0].code.kind, ImageKind::portable);
  EXPECT_EQ(found.images[0].size, module.size());
  for (const std::string& text :
       std::vector<std::string>{".version 8.7\n.target sm_90\n", ".version x.target sm_90 .entry k",
                                ".version 8.7\n.address_size 64\n.entry k"}) {
    EXPECT_TRUE(found_in(library(text)).empty()) << text;
  }
}

// Containers over the borders of what one thread takes at once, in a file of 9 MB, mapped and read through a
// buffer.
TEST(Embedded, NoBorderHidesAContainer) {
  std::mt19937 chance(1);
  std::string data(9 << 20, '\0');
  for (char& byte : data) byte = static_cast<char>(chance());
  std::size_t count = 0;
  for (std::size_t at = (128 << 10) - 4000; at + 200 < data.size(); at += (128 << 10) - 1, ++count) {
    data.replace(at, container().size(), container());
  }
  ScratchFolder folder;
  folder.write("a.so", library(data));
  const MappedFile disk = MappedFile::open(folder.path() / "a.so");
  const Elf elf = Elf::parse(disk.bytes(), "a.so");
  EXPECT_EQ(find_embedded(elf, {}, &disk, 2).containers.size(), count);
  EXPECT_EQ(find_embedded(elf, {}, nullptr, 2).containers.size(), count);
}

TEST(Embedded, WhatACarveEmptiedDoesNotCount) {
  std::string emptied = container();
  put<std::uint64_t>(emptied, 80, 0);
  EXPECT_TRUE(found_in(library(emptied)).empty());
  const EmbeddedCode found = found_in(library(emptied + container()));
  EXPECT_EQ(found.containers.size(), 1u);
  EXPECT_EQ(found.bytes(), container().size());
  std::string ptx = container(1);
  put<std::uint64_t>(ptx, 80, 0);
  EXPECT_EQ(found_in(library(ptx)).containers.size(), 1u);
}

TEST(Embedded, SharesOfAFileAddUpAndTellItApart) {
  const std::string bytes = library(container() + container());
  const auto file = inspect_bytes(as_byte_span(bytes), "a.so");
  ASSERT_TRUE(file);
  std::uint64_t sum = 0;
  for (const std::uint64_t share : file->shares.bytes) sum += share;
  EXPECT_EQ(sum, bytes.size());
  EXPECT_EQ(file->shares[ByteUse::gpu_embedded], 2 * container().size());
  EXPECT_TRUE(file->coverage.empty());
  EXPECT_EQ(file->embedded.containers, 2u);
}

}  // namespace
}  // namespace lathe
