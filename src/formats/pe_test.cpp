// SPDX-License-Identifier: MIT
#include "formats/pe.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/object_file.h"
#include "testing/pe_file.h"

namespace lathe {
namespace {

using testing::PeMaker;

const testing::PeParts parts{
    .fatbins = std::string(1000, 'f'), .entry = 0x20, .functions = {{0, 16}, {16, 48}}};

TEST(Pe, IsToldByItsHeaders) {
  const PeMaker made(parts);
  EXPECT_TRUE(Pe::looks_like(as_byte_span(made.file).first(512)));
  EXPECT_EQ(object_format(as_byte_span(made.file))->name, "PE file");
  std::string other = made.file;
  other.replace(0x98, 2, encode_number(0x10b, 2));  // PE32
  EXPECT_FALSE(Pe::looks_like(as_byte_span(other)));
  EXPECT_THROW(Pe::parse(as_byte_span(other), "x.dll"), Error);
  other = made.file;
  other.replace(0x84, 2, encode_number(0x14c, 2));  // i386
  EXPECT_FALSE(Pe::looks_like(as_byte_span(other)));
}

TEST(Pe, KnowsItsSectionsByAddressAndOffset) {
  const PeMaker made(parts);
  const Pe file = Pe::parse(as_byte_span(made.file), "made.dll");
  EXPECT_TRUE(file.findings().empty());
  EXPECT_EQ(file.kind_words(), "DLL");
  EXPECT_EQ(file.machine_words(), "x86_64");
  EXPECT_EQ(file.soname(), "made.dll");
  ASSERT_EQ(file.sections().size(), 6u);
  EXPECT_EQ(file.sections()[3].name, ".nv_fatb");
  EXPECT_EQ(file.sections()[3].size, 1000u) << "without the padding";
  EXPECT_EQ(file.offset_of(made.address(3) + 999), made.places[3].offset + 999);
  EXPECT_EQ(file.address_of(made.places[3].offset), made.address(3));
  EXPECT_FALSE(file.offset_of(made.address(3) + 1000));
  EXPECT_FALSE(file.offset_of(testing::pe_base - 1));
  EXPECT_EQ(file.from_address(made.address(3) + 990).size(), 10u);
  std::vector<SectionUse> uses;
  file.for_each_section([&](const ObjectSection& section) { uses.push_back(section.use); });
  EXPECT_EQ(uses, (std::vector{SectionUse::code, SectionUse::constants, SectionUse::unwind,
                               SectionUse::constants, SectionUse::data, SectionUse::linking}));
}

TEST(Pe, ReadsExportsImportsFunctionsAndRelocations) {
  const PeMaker made(parts);
  const Pe file = Pe::parse(as_byte_span(made.file), "made.dll");
  std::vector<std::pair<std::string, std::uint64_t>> exports, imports, functions;
  file.for_each_export([&](const PeExport& e) { exports.emplace_back(e.name, e.address); });
  file.for_each_import([&](const PeImport& i) {
    EXPECT_EQ(i.library, "OTHER.dll");
    imports.emplace_back(i.name, i.slot);
  });
  file.for_each_function(
      [&](const PeFunction& f) { functions.emplace_back("", f.address + (f.size << 32)); });
  using Pairs = std::vector<std::pair<std::string, std::uint64_t>>;
  EXPECT_EQ(exports, (Pairs{{"run", made.address(0)}}));
  EXPECT_EQ(imports, (Pairs{{"callee", made.address(1) + 0x180}}));
  EXPECT_EQ(functions,
            (Pairs{{"", made.address(0) + (16ull << 32)}, {"", made.address(0) + 16 + (32ull << 32)}}));
  EXPECT_EQ(file.entry(), made.address(0) + 0x20);
  std::vector<ObjectPointer> pointers;
  const auto keep = [&](const ObjectPointer& pointer) { pointers.push_back(pointer); };
  file.for_each_pointer(0, ~std::uint64_t{0}, keep);
  ASSERT_EQ(pointers.size(), 1u);
  EXPECT_EQ(pointers[0].place, made.address(4) + 8);
  EXPECT_EQ(pointers[0].target, made.address(3));
  EXPECT_EQ(pointers[0].stored_at, made.places[4].offset + 8);
  file.for_each_pointer(made.address(4) + 9, ~std::uint64_t{0}, keep);
  EXPECT_EQ(pointers.size(), 1u) << "that lies before what was asked for";
}

TEST(Pe, SaysWhetherItIsSigned) {
  const auto is_signed = [](const PeMaker& made) {
    return Pe::parse(as_byte_span(made.file), "made.dll").is_signed();
  };
  EXPECT_FALSE(is_signed(PeMaker(parts)));
  testing::PeParts with = parts;
  with.certificates = std::string(64, 'c');
  EXPECT_TRUE(is_signed(PeMaker(with)));
}

// Cut at every length, and with every byte of the headers and tables turned over: never a read outside.
TEST(Pe, SurvivesDamage) {
  const PeMaker made(parts);
  const auto read = [](const std::string& bytes) {
    try {
      const Pe file = Pe::parse(as_byte_span(bytes), "made.dll");
      std::uint64_t sum = file.soname().size() + file.build_id().size() + file.thread_callbacks().size();
      file.for_each_export([&](const PeExport& e) { sum += e.name.size(); });
      file.for_each_import([&](const PeImport& i) { sum += i.name.size(); });
      file.for_each_function([&](const PeFunction& f) { sum += f.size; });
      file.for_each_pointer(0, ~std::uint64_t{0}, [&](const ObjectPointer& p) { sum += p.place; });
      return sum;
    } catch (const Error&) {
      return std::uint64_t{0};
    }
  };
  EXPECT_GT(read(made.file), 0u);
  for (std::size_t size = 0; size < made.file.size(); size += 7) read(made.file.substr(0, size));
  for (std::size_t i = 0; i < made.file.size(); ++i) {
    std::string bad = made.file;
    bad[i] = static_cast<char>(~bad[i]);
    read(bad);
  }
  EXPECT_FALSE(Pe::parse(as_byte_span(made.file).first(0x600), "cut.dll").findings().empty());
}

}  // namespace
}  // namespace lathe
