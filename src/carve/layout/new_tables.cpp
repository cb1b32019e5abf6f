// SPDX-License-Identifier: MIT
// How: every table is walked once, from the lowest offset up. At each cut a header is split: the front part
// keeps the address and ends with the kept bytes, the rest begins behind the hole, with its address and
// offset in the old file advanced by the same step; OffsetMap then turns old offsets into new ones. So the
// difference of address and offset changes by whole pages only, as the loader demands.
#include "carve/layout/new_tables.h"
#include "carve/layout/offsets.h"
#include "formats/elf.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {
namespace {

// The parts of [offset, offset + size) that remain when the holes behind kept containers are taken away.
std::vector<FileRange> pieces_of(FileRange whole, const std::vector<Span>& spans) {
  std::vector<FileRange> pieces;
  std::uint64_t begin = whole.offset;
  for (const Span& span : spans) {
    if (span.cut == 0 || span.range.offset < whole.offset || span.data_end > whole.end()) continue;
    pieces.push_back({.offset = begin, .size = span.kept_end - begin});
    begin = span.range.end();
  }
  if (begin < whole.end() || pieces.empty()) pieces.push_back({.offset = begin, .size = whole.end() - begin});
  return pieces;
}

// What is zeros in memory alone is told as such, or strip would not keep it.
void add_zeros(const SectionHeader& section, const std::vector<Span>& spans, const OffsetMap& offsets,
               std::vector<SectionHeader>& out) {
  for (const Span& span : spans) {
    if (!span.zeros || span.cut == 0 || span.range.offset < section.offset ||
        span.range.end() > section.offset + section.size)
      continue;
    SectionHeader zeros = section;
    zeros.type = elf::sht_nobits;
    zeros.address = section.address + (span.range.offset - section.offset);
    zeros.offset = offsets.moved(span.range.offset);
    zeros.size = span.range.size;
    zeros.align = 1;
    out.push_back(zeros);
  }
}

void append_load(const ProgramHeader& load, std::size_t index, const std::vector<Span>& spans,
                 const OffsetMap& offsets, std::vector<ProgramHeader>& out) {
  ProgramHeader rest = load;
  std::uint64_t begin = load.offset;  // of `rest`, in the old file
  for (const Span& span : spans) {
    if (span.load != index || span.cut == 0) continue;
    ProgramHeader front = rest;
    front.offset = offsets.moved(begin);
    front.file_size = front.memory_size = span.used_end - begin;
    if (span.zeros) front.memory_size = span.range.end() - begin;
    out.push_back(front);
    const std::uint64_t step = span.range.end() - begin;
    rest.address += step;
    rest.physical += step;
    rest.file_size -= step;
    rest.memory_size -= step;
    begin += step;
  }
  if (rest.memory_size == 0 && begin != load.offset) return;  // the last hole reached its end
  rest.offset = offsets.moved(begin);
  out.push_back(rest);
}

// The PT_LOAD that holds the ELF header lets go of it; spans.h says why.
void begin_with_first_section(std::vector<ProgramHeader>& programs,
                              const std::vector<SectionHeader>& sections) {
  const auto load = std::ranges::find_if(programs, [](const ProgramHeader& header) {
    return header.type == elf::pt_load && header.offset == 0 && header.file_size != 0;
  });
  if (load == programs.end()) return;
  std::uint64_t first = load->file_size;
  for (const SectionHeader& section : sections) {
    if (section.file_size() != 0 && (section.flags & elf::shf_alloc)) first = std::min(first, section.offset);
  }
  if (first >= std::min<std::uint64_t>(load->file_size, 4096)) return;
  load->offset += first;
  load->address += first;
  load->physical += first;
  load->file_size -= first;
  load->memory_size -= first;
}

bool is_debug_name(std::string_view name) {
  return name.starts_with(".debug") || name.starts_with(".zdebug") || name.starts_with(".stab") ||
         name.starts_with(".gnu.debuglto_") || name == ".gdb_index";
}

}  // namespace

std::vector<ProgramHeader> carved_program_headers(const std::vector<ProgramHeader>& programs,
                                                  const std::vector<SectionHeader>& sections,
                                                  const std::vector<Span>& spans, const OffsetMap& offsets,
                                                  const std::optional<ProgramHeader>& grown) {
  std::vector<ProgramHeader> out;
  const auto fit = [](ProgramHeader& load) {
    while (load.align > 1 && (load.address - load.offset) % load.align != 0) load.align /= 2;
  };
  for (std::size_t i = 0; i < programs.size(); ++i) {
    if (programs[i].type == 0) continue;
    if (programs[i].type == elf::pt_load) {
      const std::size_t first = out.size();
      append_load(programs[i], i, spans, offsets, out);
      for (std::size_t k = first; k < out.size(); ++k) fit(out[k]);
      continue;
    }
    out.push_back(programs[i]);
    out.back().offset = offsets.moved(programs[i].offset);
  }
  if (grown) out.push_back(*grown);
  const auto host = std::ranges::find_if(spans, &Span::hosts_table);
  const auto table = std::ranges::find(out, ProgramHeader::pt_phdr, &ProgramHeader::type);
  if (table != out.end()) {
    table->file_size = table->memory_size = out.size() * ProgramHeader::bytes;
    if (host != spans.end()) {
      table->offset = offsets.moved(host->table_at);
      table->address = table->physical = host->address + (host->table_at - host->range.offset);
    }
  }
  if (host != spans.end() && host->spare != 0) {
    if (host->frees_elf_header) begin_with_first_section(out, sections);
    out.push_back({});
  }
  return out;
}

std::vector<SectionHeader> carved_section_headers(const std::vector<SectionHeader>& sections,
                                                  const std::vector<Span>& spans, const OffsetMap& offsets) {
  std::vector<SectionHeader> out = sections;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    out[i].offset = offsets.moved(sections[i].offset);
    if (sections[i].file_size() == 0) continue;
    const auto pieces = pieces_of({.offset = sections[i].offset, .size = sections[i].size}, spans);
    out[i].size = pieces[0].size;
    for (std::size_t k = 1; k < pieces.size(); ++k) {
      SectionHeader more = out[i];
      more.address = sections[i].address + (pieces[k].offset - sections[i].offset);
      more.offset = offsets.moved(pieces[k].offset);
      more.size = pieces[k].size;
      out.push_back(more);
    }
    add_zeros(sections[i], spans, offsets, out);
  }
  return out;
}

std::vector<std::size_t> sections_to_strip(const Elf& elf, const std::vector<SectionHeader>& sections) {
  std::vector<bool> drop(sections.size());
  const std::uint32_t names = section_names_index(elf);
  for (std::size_t i = 1; i < sections.size(); ++i) {
    if (sections[i].flags & elf::shf_alloc) continue;
    drop[i] = sections[i].type == elf::sht_symtab || sections[i].type == elf::sht_symtab_shndx ||
              is_debug_name(elf.sections()[i].name);
  }
  // Names of a dropped table, unless somebody else reads them too; relocations by its symbols.
  for (std::size_t i = 1; i < sections.size(); ++i) {
    if (sections[i].flags & elf::shf_alloc) continue;
    if (sections[i].type == elf::sht_rela && sections[i].link < drop.size() && drop[sections[i].link])
      drop[i] = true;
    if (sections[i].type != elf::sht_strtab || i == names) continue;
    bool used = false, wanted = false;
    for (std::size_t k = 1; k < sections.size(); ++k) {
      if (sections[k].link != i) continue;
      (drop[k] ? used : wanted) = true;
    }
    drop[i] = drop[i] || (used && !wanted);
  }
  std::vector<std::size_t> dropped;
  for (std::size_t i = 0; i < drop.size(); ++i) {
    if (drop[i]) dropped.push_back(i);
  }
  // Dynamic symbols name sections by number, and they are loaded memory: it must not change.
  std::uint32_t highest = 0;
  elf.for_each_symbol(ElfSymbols::dynamic, [&](std::uint32_t, const ElfSymbol& symbol) {
    if (symbol.section < elf::shn_reserved) highest = std::max(highest, symbol.section);
  });
  std::erase_if(dropped, [&](std::size_t index) { return index <= highest; });
  return dropped;
}

void drop_sections(const std::vector<std::size_t>& dropped, std::vector<SectionHeader>& sections,
                   std::uint32_t& names_index) {
  std::vector<std::uint32_t> number(sections.size());
  std::vector<SectionHeader> kept;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (std::ranges::binary_search(dropped, i)) continue;
    number[i] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(sections[i]);
  }
  constexpr std::uint64_t shf_info_link = 0x40;
  for (SectionHeader& section : kept) {
    if (section.link < number.size()) section.link = number[section.link];
    if ((section.flags & shf_info_link) && section.info < number.size()) section.info = number[section.info];
  }
  names_index = names_index < number.size() ? number[names_index] : 0;
  sections = std::move(kept);
}

}  // namespace lathe
