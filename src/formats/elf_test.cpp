// SPDX-License-Identifier: MIT
#include "formats/elf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "testing/scratch_folder.h"

namespace lathe {
namespace {

using testing::ScratchFolder;

constexpr std::string_view library_source = R"(
  struct Table { const char* text; int (*function)(int); };
  static int twice(int x) { return 2 * x; }
  extern "C" { Table table[3] = {{"a", twice}, {"b", twice}, {"c", twice}}; }
  extern "C" __attribute__((constructor)) void at_load() { table[0].text = "changed"; }
  extern "C" int exported(int x) { return table[x % 3].function(x); }
)";

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string build_library(const ScratchFolder& folder, const std::string& flags = "") {
  folder.write("lib.cpp", library_source);
  folder.run("c++ -O1 -shared -fPIC -nostdlib -Wl,-soname,libthing.so.1 -Wl,--build-id=sha1 " + flags +
             " lib.cpp -o lib.so");
  return slurp(folder.path() / "lib.so");
}

std::vector<std::uint64_t> relative_addends(const Elf& elf) {
  std::vector<std::uint64_t> addends;
  elf.for_each_relocation([&](const ElfRelocation& relocation) {
    if (relocation.type == elf::r_x86_64_relative)
      addends.push_back(static_cast<std::uint64_t>(relocation.addend));
  });
  std::ranges::sort(addends);
  return addends;
}

std::uint64_t address_of_symbol(const Elf& elf, std::string_view name, ElfSymbols table = ElfSymbols::full) {
  std::uint64_t address = 0;
  elf.for_each_symbol(table, [&](std::uint32_t, const ElfSymbol& symbol) {
    if (symbol.name == name) address = symbol.value;
  });
  return address;
}

TEST(Elf, ReadsTheSectionsThatReadelfReads) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  std::istringstream lines(
      folder.run("readelf -SW lib.so | sed -n 's/^ *\\[ *\\([0-9]*\\)\\] \\([^ ][^ ]*\\) .*/\\1 \\2/p'"));
  std::size_t index = 0;
  std::string name;
  std::size_t count = 0;
  while (lines >> index >> name) {
    EXPECT_EQ(elf.sections()[index].name, name);
    count = index + 1;
  }
  EXPECT_EQ(elf.sections().size(), count);
  EXPECT_TRUE(elf.findings().empty());
}

TEST(Elf, ReadsNameAndBuildId) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  EXPECT_EQ(elf.soname(), "libthing.so.1");
  EXPECT_EQ(elf.build_id() + "\n", folder.run("readelf -n lib.so | sed -n 's/.*Build ID: //p'"));
}

TEST(Elf, ConstructorsAreTheFunctionsOfInitArray) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  EXPECT_EQ(elf.constructors(), std::vector<std::uint64_t>{address_of_symbol(elf, "at_load")});
}

TEST(Elf, AConstructorNobodyElseSeesIsFoundToo) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder, "-fvisibility=hidden");
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  EXPECT_EQ(elf.constructors(), std::vector<std::uint64_t>{address_of_symbol(elf, "at_load")});
}

TEST(Elf, PackedRelocationsAreTheSameAsPlainOnes) {
  const ScratchFolder folder;
  const std::string plain = build_library(folder);
  const std::string packed = build_library(folder, "-Wl,-z,pack-relative-relocs");
  const Elf plain_elf = Elf::parse(as_byte_span(plain), "plain");
  const Elf packed_elf = Elf::parse(as_byte_span(packed), "packed");
  ASSERT_TRUE(packed_elf.dynamic(elf::dt_relr)) << "this linker packs nothing";
  EXPECT_EQ(relative_addends(plain_elf).size(), 6u);
  EXPECT_EQ(relative_addends(packed_elf).size(), 6u);
  EXPECT_EQ(packed_elf.constructors(), std::vector<std::uint64_t>{address_of_symbol(packed_elf, "at_load")});
  packed_elf.for_each_relocation([&](const ElfRelocation& relocation) {
    if (!relocation.packed) return;
    EXPECT_EQ(ByteReader(packed_elf.bytes()).read_at<std::uint64_t>(relocation.addend_at),
              static_cast<std::uint64_t>(relocation.addend));
  });
}

TEST(Elf, AFileWithoutSectionHeadersReadsTheSameFromItsDynamicSection) {
  const ScratchFolder folder;
  const std::string whole = build_library(folder);
  std::string stripped = whole;
  std::memset(stripped.data() + 40, 0, 8);  // where the section headers are
  std::memset(stripped.data() + 60, 0, 4);  // how many, and the index of their names
  const Elf with = Elf::parse(as_byte_span(whole), "with");
  const Elf without = Elf::parse(as_byte_span(stripped), "without");
  EXPECT_TRUE(without.sections().empty());
  EXPECT_EQ(without.soname(), "libthing.so.1");
  EXPECT_EQ(without.constructors(), with.constructors());
  EXPECT_EQ(relative_addends(without), relative_addends(with));
  EXPECT_EQ(without.build_id(), with.build_id());
  std::set<std::string_view> names;
  without.for_each_symbol(ElfSymbols::dynamic,
                          [&](std::uint32_t, const ElfSymbol& symbol) { names.insert(symbol.name); });
  EXPECT_EQ(names, (std::set<std::string_view>{"at_load", "exported", "table"}));
}

TEST(Elf, RelocatableObjectsKnowTheirSectionsRelocations) {
  const ScratchFolder folder;
  folder.write("lib.cpp", library_source);
  folder.run("c++ -O1 -fPIC -c lib.cpp -o lib.o");
  const std::string bytes = slurp(folder.path() / "lib.o");
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.o");
  EXPECT_EQ(elf.type(), ElfType::relocatable);
  const ElfSection* constructors = elf.find_section(".init_array");
  ASSERT_NE(constructors, nullptr);
  int count = 0;
  elf.for_each_relocation_of(*constructors, [&](const ElfRelocation& relocation) {
    ++count;
    EXPECT_EQ(relocation.type, elf::r_x86_64_64);
  });
  EXPECT_EQ(count, 1);
}

TEST(Elf, MoreThan65280SectionsAreCountedInTheFirstOne) {
  const ScratchFolder folder;
  std::string source;
  for (int i = 0; i < 66000; ++i) source += ".section .s" + std::to_string(i) + ",\"a\"\n.byte 1\n";
  source += ".section .last,\"a\"\n.globl found\nfound: .byte 2\n";
  folder.write("many.s", source);
  folder.run("cc -c many.s -o many.o");
  const std::string bytes = slurp(folder.path() / "many.o");
  const Elf elf = Elf::parse(as_byte_span(bytes), "many.o");
  EXPECT_GT(elf.sections().size(), 66000u);
  std::string_view section;
  elf.for_each_symbol(ElfSymbols::full, [&](std::uint32_t, const ElfSymbol& symbol) {
    if (symbol.name == "found") section = elf.sections().at(symbol.section).name;
  });
  EXPECT_EQ(section, ".last");
}

TEST(Elf, AddressesAndOffsetsMapBothWays) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  const ElfSection* text = elf.find_section(".text");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(elf.offset_of(text->address), text->offset);
  EXPECT_EQ(elf.address_of(text->offset), text->address);
  EXPECT_FALSE(elf.offset_of(0x7fffffff0000));
}

TEST(Elf, ATruncatedLibraryIsReadAsFarAsItGoes) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const Elf elf = Elf::parse(as_byte_span(bytes).first(bytes.size() - 200), "lib.so");
  EXPECT_TRUE(elf.sections().empty());
  EXPECT_EQ(elf.soname(), "libthing.so.1");
  ASSERT_FALSE(elf.findings().empty());
  EXPECT_EQ(elf.findings()[0].rule, "elf-damaged");
}

TEST(Elf, NoTruncationAndNoFlippedByteOfTheHeaderCrashes) {
  const ScratchFolder folder;
  const std::string bytes = build_library(folder);
  const auto read_all = [](ByteSpan file) {
    try {
      const Elf elf = Elf::parse(file, "damaged");
      elf.for_each_symbol(ElfSymbols::full, [](std::uint32_t, const ElfSymbol&) {});
      elf.for_each_symbol(ElfSymbols::dynamic, [](std::uint32_t, const ElfSymbol&) {});
      elf.for_each_relocation([](const ElfRelocation&) {});
      elf.constructors();
      elf.build_id();
    } catch (const Error&) {
    }
  };
  for (std::size_t size = 0; size < bytes.size(); size += 7) read_all(as_byte_span(bytes).first(size));
  for (std::size_t at = 0; at < 64 + 56 * 8; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    read_all(as_byte_span(damaged));
  }
}

// The number of the section with the names lies at 40 of a section's header.
TEST(Elf, ASymbolTableThatNamesItselfForItsNamesIsReadToItsEnd) {
  const ScratchFolder folder;
  std::string bytes = build_library(folder);
  const auto count = [&] {
    std::size_t symbols = 0;
    const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
    elf.for_each_symbol(ElfSymbols::full, [&](std::uint32_t, const ElfSymbol&) { ++symbols; });
    return symbols;
  };
  const std::size_t before = count();
  const Elf elf = Elf::parse(as_byte_span(bytes), "lib.so");
  const auto number = static_cast<std::size_t>(elf.find_section(".symtab") - elf.sections().data());
  bytes[elf.section_headers_at() + number * 64 + 40] = static_cast<char>(number);
  EXPECT_GT(before, 0u);
  EXPECT_EQ(count(), before);
}

TEST(Elf, AnythingElseIsRefusedWithWhatIsWanted) {
  const std::string text =
      "#!/bin/sh\necho this is a script that is longer than an ELF header would be, to be fair\n";
  try {
    Elf::parse(as_byte_span(text), "script.sh");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "script.sh: not a 64-bit little-endian ELF file");
  }
}

}  // namespace
}  // namespace lathe
