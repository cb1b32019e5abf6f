// SPDX-License-Identifier: MIT
// What the dynamic loader reads of an ELF file: names, relocations plain and packed, constructors. It is all
// found from PT_DYNAMIC, as the loader does it, so that files without section headers read the same;
// sections serve where there is no PT_DYNAMIC (static executables, relocatable objects).
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/elf.h"

namespace lathe {
namespace {

constexpr std::uint64_t rela_size = 24;

}  // namespace

std::optional<std::uint64_t> Elf::dynamic(elf::DynamicTag tag) const {
  const auto it = std::ranges::find(dynamic_, static_cast<std::uint64_t>(tag), &Tag::tag);
  if (it == dynamic_.end()) return std::nullopt;
  return it->value;
}

std::string_view Elf::dynamic_text(std::uint64_t offset) const {
  const auto names = dynamic(elf::dt_strtab);
  if (!names) return {};
  const std::string_view text = as_text(from_address(*names));
  if (offset >= text.size()) return {};
  const std::string_view rest = text.substr(offset, 4096);
  return rest.substr(0, rest.find('\0'));
}

std::string_view Elf::soname() const {
  const auto offset = dynamic(elf::dt_soname);
  return offset ? dynamic_text(*offset) : std::string_view{};
}

std::optional<Elf::Table> Elf::table_from(elf::DynamicTag address, elf::DynamicTag size) const {
  const auto start = dynamic(address);
  const auto bytes = dynamic(size);
  if (!start || !bytes || *bytes == 0) return std::nullopt;
  const auto offset = offset_of(*start);
  if (!offset) return std::nullopt;
  return Table{.offset = *offset, .size = std::min<std::uint64_t>(*bytes, from_address(*start).size())};
}

std::vector<Elf::Table> Elf::rela_tables() const {
  std::vector<Table> tables;
  if (!dynamic_.empty()) {
    if (const auto table = table_from(elf::dt_rela, elf::dt_relasz)) tables.push_back(*table);
    if (const auto table = table_from(elf::dt_jmprel, elf::dt_pltrelsz)) tables.push_back(*table);
    return tables;
  }
  for (const ElfSection& section : sections_) {
    if (section.type == elf::sht_rela && (section.flags & elf::shf_alloc)) {
      tables.push_back({.offset = section.offset, .size = contents(section).size()});
    }
  }
  return tables;
}

std::vector<Elf::Table> Elf::relr_tables() const {
  if (const auto table = table_from(elf::dt_relr, elf::dt_relrsz)) return {*table};
  return {};
}

// place(8) | type(4) | symbol(4) | addend(8)
void Elf::walk_rela(ByteSpan table, std::uint64_t table_offset, std::uint64_t begin, std::uint64_t end,
                    const VisitRelocation& visit) const {
  ByteReader reader(table, "relocations");
  for (std::uint64_t at = 0; at + rela_size <= table.size(); at += rela_size) {
    const auto place = reader.read_at<std::uint64_t>(at);
    if (place < begin || place >= end) continue;
    reader.seek(at + 8);
    ElfRelocation relocation{.place = place};
    relocation.type = reader.u32();
    relocation.symbol = reader.u32();
    relocation.addend = static_cast<std::int64_t>(reader.u64());
    relocation.addend_at = table_offset + at + 16;
    visit(relocation);
  }
}

// 8-byte words: an even one is the address of a relocation and starts a run; each odd one is a bitmap (bit 0
// is the mark) of the next 63 words. The addend lies in place.
void Elf::walk_relr(ByteSpan table, std::uint64_t begin, std::uint64_t end,
                    const VisitRelocation& visit) const {
  const std::uint32_t type = machine_ == elf::em_aarch64 ? elf::r_aarch64_relative : elf::r_x86_64_relative;
  const auto found = [&](std::uint64_t place) {
    if (place < begin || place >= end) return;
    const ByteSpan bytes = from_address(place);
    if (bytes.size() < 8) return;
    visit({.place = place,
           .type = type,
           .symbol = 0,
           .addend = static_cast<std::int64_t>(ByteReader(bytes).read_at<std::uint64_t>(0)),
           .addend_at = *offset_of(place),
           .packed = true});
  };
  ByteReader reader(table, "packed relocations");
  std::uint64_t next = 0;
  while (reader.left() >= 8) {
    const std::uint64_t word = reader.u64();
    if ((word & 1) == 0) {
      found(word);
      next = word + 8;
      continue;
    }
    if (next < end && next + 63 * 8 > begin) {
      for (unsigned bit = 1; bit < 64; ++bit) {
        if (word >> bit & 1) found(next + (bit - 1) * 8);
      }
    }
    next += 63 * 8;
  }
}

void Elf::for_each_relocation(std::uint64_t begin, std::uint64_t end, const VisitRelocation& visit) const {
  const ByteReader file(file_, "relocations");
  for (const Table& table : rela_tables()) {
    walk_rela(file.at(table.offset, table.size), table.offset, begin, end, visit);
  }
  for (const Table& table : relr_tables()) walk_relr(file.at(table.offset, table.size), begin, end, visit);
}

void Elf::for_each_relocation_of(const ElfSection& section, const VisitRelocation& visit) const {
  if (sections_.empty() || &section < sections_.data() || &section >= sections_.data() + sections_.size())
    return;
  const auto index = static_cast<std::uint32_t>(&section - sections_.data());
  for (const ElfSection& table : sections_) {
    if (table.type != elf::sht_rela || table.info != index) continue;
    walk_rela(contents(table), table.offset, 0, ~std::uint64_t{0}, visit);
  }
}

// An array of function pointers: filled in by relocations, or (in a fixed executable) already there.
void Elf::append_function_pointers(elf::DynamicTag start, elf::DynamicTag size,
                                   std::vector<std::uint64_t>& out) const {
  const auto address = dynamic(start);
  const auto bytes = dynamic(size);
  if (!address || !bytes) return;
  const ByteSpan array = from_address(*address);
  const std::uint64_t count = std::min<std::uint64_t>(*bytes, array.size()) / 8;
  std::vector<std::uint64_t> pointers;
  for (std::uint64_t i = 0; i < count; ++i)
    pointers.push_back(ByteReader(array).read_at<std::uint64_t>(i * 8));
  for_each_relocation(*address, *address + count * 8, [&](const ElfRelocation& relocation) {
    const std::uint64_t slot = (relocation.place - *address) / 8;
    std::uint64_t base = 0;
    if (relocation.symbol != 0) {  // a function that is also exported
      const auto symbol = dynamic_symbol(relocation.symbol);
      if (!symbol || symbol->section == elf::shn_undef) return;
      base = symbol->value;
    }
    pointers[slot] = base + static_cast<std::uint64_t>(relocation.addend);
  });
  std::ranges::copy_if(pointers, std::back_inserter(out),
                       [](std::uint64_t pointer) { return pointer != 0 && pointer != ~std::uint64_t{0}; });
}

std::vector<std::uint64_t> Elf::constructors() const {
  std::vector<std::uint64_t> functions;
  append_function_pointers(elf::dt_preinit_array, elf::dt_preinit_arraysz, functions);
  if (const auto init = dynamic(elf::dt_init)) functions.push_back(*init);
  append_function_pointers(elf::dt_init_array, elf::dt_init_arraysz, functions);
  return functions;
}

}  // namespace lathe
