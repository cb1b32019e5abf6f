// SPDX-License-Identifier: MIT
// The symbols of an ELF file, from its sections or, where those were stripped off, from PT_DYNAMIC; and its
// notes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "formats/elf.h"

namespace lathe {
namespace {

constexpr std::uint64_t symbol_size = 24;
constexpr std::size_t longest_symbol_name = 64 << 10;  // bounds the work when hostile names have no end

std::string_view name_in(ByteSpan names, std::uint32_t offset) {
  if (offset >= names.size()) return {};
  const std::string_view rest = as_text(names).substr(offset, longest_symbol_name);
  return rest.substr(0, rest.find('\0'));
}

//   0 name(4) | info(1): binding << 4 + type | other(1): visibility | section(2) | value(8) | size(8)
ElfSymbol symbol_at(ByteReader& reader, ByteSpan names) {
  ElfSymbol symbol;
  symbol.name = name_in(names, reader.u32());
  const std::uint8_t info = reader.u8();
  symbol.type = info & 0xf;
  symbol.binding = info >> 4;
  symbol.other = reader.u8();
  symbol.visibility = symbol.other & 3;
  symbol.section = reader.u16();
  symbol.value = reader.u64();
  symbol.size = reader.u64();
  return symbol;
}

// name size(4) | content size(4) | type(4) | name, padded to 4 | content, padded to 4
void walk_notes(ByteSpan bytes, const std::function<void(const ElfNote&)>& visit) {
  ByteReader reader(bytes, "ELF notes");
  const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
  while (reader.left() >= 12) {
    const std::uint32_t name_size = reader.u32();
    const std::uint32_t content_size = reader.u32();
    ElfNote note{.name = {}, .type = reader.u32(), .content = {}};
    if (padded(name_size) > reader.left()) return;
    note.name = as_text(reader.take(padded(name_size))).substr(0, name_size);
    note.name = note.name.substr(0, note.name.find('\0'));
    if (content_size > reader.left()) return;
    note.content = reader.take(content_size);
    reader.skip(std::min<std::uint64_t>(padded(content_size) - content_size, reader.left()));
    visit(note);
  }
}

}  // namespace

Elf::SymbolLayout Elf::symbol_layout(ElfSymbols table) const {
  const std::uint32_t wanted = table == ElfSymbols::full ? elf::sht_symtab : elf::sht_dynsym;
  const auto it = std::ranges::find(sections_, wanted, &ElfSection::type);
  if (it == sections_.end()) return table == ElfSymbols::dynamic ? dynamic_symbol_layout() : SymbolLayout{};
  SymbolLayout layout{.symbols = contents(*it), .names = {}, .extended = {}};
  if (it->link < sections_.size()) layout.names = contents(sections_[it->link]);
  const auto index = static_cast<std::uint32_t>(it - sections_.begin());
  const auto extended = std::ranges::find_if(sections_, [&](const ElfSection& section) {
    return section.type == elf::sht_symtab_shndx && section.link == index;
  });
  if (extended != sections_.end()) layout.extended = contents(*extended);
  return layout;
}

Elf::SymbolLayout Elf::dynamic_symbol_layout() const {
  const auto symbols = dynamic(elf::dt_symtab);
  const auto names = dynamic(elf::dt_strtab);
  if (!symbols || !names) return {};
  const ByteSpan all_symbols = from_address(*symbols);
  const ByteSpan all_names = from_address(*names);
  const std::uint64_t count =
      std::min<std::uint64_t>(dynamic_symbol_count(), all_symbols.size() / symbol_size);
  const std::uint64_t names_size =
      std::min<std::uint64_t>(dynamic(elf::dt_strsz).value_or(0), all_names.size());
  return {.symbols = all_symbols.first(count * symbol_size),
          .names = all_names.first(names_size),
          .extended = {}};
}

// DT_HASH:     buckets(4) | symbols(4) | ...
// DT_GNU_HASH: buckets(4) | first hashed symbol(4) | bloom words(4) | shift(4) | bloom(8 each) | buckets(4
// each) |
//              chain(4 each symbol), of which the low bit ends a run
std::uint64_t Elf::dynamic_symbol_count() const {
  if (const auto hash = dynamic(elf::dt_hash)) {
    const ByteSpan table = from_address(*hash);
    return table.size() < 8 ? 0 : ByteReader(table).read_at<std::uint32_t>(4);
  }
  const auto hash = dynamic(elf::dt_gnu_hash);
  if (!hash) return 0;
  ByteReader reader(from_address(*hash), "hash table of symbols");
  if (reader.size() < 16) return 0;
  const std::uint64_t buckets = reader.u32();
  const std::uint64_t first = reader.u32();
  const std::uint64_t chains_at = 16 + std::uint64_t{reader.u32()} * 8 + buckets * 4;
  if (chains_at > reader.size()) return 0;
  std::uint64_t last = 0;
  reader.seek(chains_at - buckets * 4);
  for (std::uint64_t i = 0; i < buckets; ++i) last = std::max<std::uint64_t>(last, reader.u32());
  if (last < first) return first;
  for (std::uint64_t at = chains_at + (last - first) * 4; at + 4 <= reader.size(); at += 4, ++last) {
    if (reader.read_at<std::uint32_t>(at) & 1) break;
  }
  return last + 1;
}

void Elf::for_each_symbol(ElfSymbols table, const VisitSymbol& visit, Names names) const {
  SymbolLayout layout = symbol_layout(table);
  if (names == Names::skipped) layout.names = {};
  ByteReader reader(layout.symbols, "symbol table");
  const ByteReader extended(layout.extended, "extended section numbers");
  const std::uint64_t count = layout.symbols.size() / symbol_size;
  for (std::uint64_t i = 0; i < count; ++i) {
    ElfSymbol symbol = symbol_at(reader, layout.names);
    if (i == 0) continue;
    if (symbol.section == elf::shn_xindex && i * 4 + 4 <= layout.extended.size()) {
      symbol.section = extended.read_at<std::uint32_t>(i * 4);
    }
    visit(static_cast<std::uint32_t>(i), symbol);
  }
}

std::optional<ElfSymbol> Elf::dynamic_symbol(std::uint32_t index) const {
  const SymbolLayout layout = symbol_layout(ElfSymbols::dynamic);
  if (index == 0 || index >= layout.symbols.size() / symbol_size) return std::nullopt;
  ByteReader reader(layout.symbols.subspan(index * symbol_size), "symbol table");
  return symbol_at(reader, layout.names);
}

void Elf::for_each_note(const std::function<void(const ElfNote&)>& visit) const {
  bool in_segments = false;
  for (const ElfSegment& segment : segments_) {
    if (segment.type != elf::pt_note) continue;
    in_segments = true;
    walk_notes(contents(segment), visit);
  }
  if (in_segments) return;
  for (const ElfSection& section : sections_) {
    if (section.type == elf::sht_note) walk_notes(contents(section), visit);
  }
}

std::string Elf::build_id() const {
  constexpr std::uint32_t nt_gnu_build_id = 3;
  std::string id;
  for_each_note([&](const ElfNote& note) {
    if (note.name != "GNU" || note.type != nt_gnu_build_id || !id.empty() || note.content.size() > 64) return;
    for (const std::byte byte : note.content) id += fmt::format("{:02x}", static_cast<unsigned>(byte));
  });
  return id;
}

}  // namespace lathe
