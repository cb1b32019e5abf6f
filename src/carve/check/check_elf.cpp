// SPDX-License-Identifier: MIT
// Are the headers of the carved file sound, and do they describe the same program?
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "carve/check/check_parts.h"
#include "device/contents.h"
#include "device/vendor.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint32_t pt_phdr = 6;

std::vector<ElfSegment> loads_of(const Elf& elf) {
  std::vector<ElfSegment> loads;
  std::ranges::copy_if(elf.segments(), std::back_inserter(loads),
                       [](const ElfSegment& s) { return s.type == elf::pt_load; });
  return loads;
}

// Entries that are used, at least: one that is not may stand behind the segment.
std::uint64_t used_entries(const Elf& elf) {
  std::uint64_t used = elf.segments().size();
  while (used != 0 && elf.segments()[used - 1].type == 0) --used;
  return used;
}

bool table_is_loaded(const Elf& elf) {
  const std::uint64_t begin = elf.program_headers_at(), end = begin + used_entries(elf) * elf::segment_size;
  return std::ranges::any_of(loads_of(elf), [&](const ElfSegment& load) {
    return load.offset <= begin && end <= load.offset + load.file_size;
  });
}

// Begins `next` in a page that `before` still uses?
bool shares_a_page(const ElfSegment& before, const ElfSegment& next) {
  return (before.address + before.memory_size + page - 1) / page > next.address / page;
}

// Images that were unpacked may lie behind all that there was, to be read alone.
void check_new_load(const Carved& carved, const std::vector<ElfSegment>& before, const ElfSegment& load) {
  constexpr std::uint32_t read_alone = 4;
  const bool behind = std::ranges::all_of(
      before, [&](const ElfSegment& old) { return old.address + old.memory_size <= load.address; });
  if (!carved.options.unpacked || !behind || load.flags != read_alone)
    carved.wrong(fmt::format("the segment at {:#x} is new", load.address));
}

void check_loads(const Carved& carved) {
  const auto before = loads_of(carved.old_file), after = loads_of(carved.new_file);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const ElfSegment& load = after[i];
    if (load.offset > carved.new_file.bytes().size() ||
        load.file_size > carved.new_file.bytes().size() - load.offset) {
      carved.wrong(fmt::format("the segment at {:#x} leaves the file", load.address));
    }
    if (load.align > 1 && (load.address - load.offset) % load.align != 0) {
      carved.wrong(
          fmt::format("the segment at {:#x} cannot be mapped from {:#x}", load.address, load.offset));
    }
    const auto origin = std::ranges::find_if(before, [&](const ElfSegment& old) {
      return old.address <= load.address && load.address - old.address <= old.memory_size &&
             load.memory_size <= old.memory_size - (load.address - old.address);
    });
    if (origin == before.end()) check_new_load(carved, before, load);
    else if (origin->flags != load.flags)
      carved.wrong(fmt::format("the segment at {:#x} has other rights", load.address));
    if (i == 0) continue;
    const bool was_there = std::ranges::any_of(before, [&](const ElfSegment& old) {
      return old.address == load.address && &old != &before.front() && shares_a_page(*(&old - 1), old);
    });
    if ((load.address < after[i - 1].address || shares_a_page(after[i - 1], load)) && !was_there) {
      carved.wrong(fmt::format("the segment at {:#x} overlaps the one before it", load.address));
    }
  }
}

// All but PT_LOAD, PT_PHDR and unused entries say the same as before.
void check_other_segments(const Carved& carved) {
  const auto others = [](const Elf& elf) {
    std::vector<ElfSegment> some;
    std::ranges::copy_if(elf.segments(), std::back_inserter(some), [](const ElfSegment& segment) {
      return segment.type != elf::pt_load && segment.type != pt_phdr && segment.type != 0;
    });
    return some;
  };
  const auto before = others(carved.old_file), after = others(carved.new_file);
  if (before.size() != after.size()) return carved.wrong("a program header is gone");
  for (std::size_t i = 0; i < before.size(); ++i) {
    const ElfSegment &was = before[i], &is = after[i];
    const bool same = was.type == is.type && was.flags == is.flags && was.address == is.address &&
                      was.file_size == is.file_size && was.memory_size == is.memory_size &&
                      was.align == is.align;
    const bool was_mapped = was.file_size != 0 && carved.old_file.offset_of(was.address) == was.offset;
    if (!same || (was_mapped && carved.new_file.offset_of(is.address) != is.offset)) {
      carved.wrong(fmt::format("the program header of type {:#x} at {:#x} is wrong", was.type, was.address));
    }
  }
}

void check_table(const Carved& carved) {
  const Elf& elf = carved.new_file;
  if (elf.program_headers_at() % 8 != 0) carved.wrong("the program header table is not aligned");
  if (table_is_loaded(carved.old_file) && !table_is_loaded(elf))
    carved.wrong("the program header table is in no segment");
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type != pt_phdr) continue;
    const bool right = segment.offset == elf.program_headers_at() &&
                       elf.offset_of(segment.address) == segment.offset &&
                       segment.file_size == used_entries(elf) * elf::segment_size;
    if (!right) carved.wrong("PT_PHDR does not describe the program header table");
  }
}

bool may_be_stripped(const ElfSection& section) {
  if (section.flags & elf::shf_alloc) return false;
  return section.type == elf::sht_symtab || section.type == elf::sht_strtab ||
         section.type == elf::sht_symtab_shndx || section.type == elf::sht_rela ||
         section.name.starts_with(".debug") || section.name.starts_with(".zdebug") ||
         section.name.starts_with(".stab") || section.name.starts_with(".gnu.debuglto_") ||
         section.name == ".gdb_index";
}

class SectionCheck {
 public:
  SectionCheck(const Carved& carved, const Movable& movable) : carved_(carved) {
    const auto& containers = carved.old_fatbins.containers;
    for (const ContainerIndex i : containers.ids()) {
      if (movable[i]) by_address_[containers[i].address] = *containers[i].wrapper;
    }
  }

  void check() {
    std::size_t next = 0;
    const auto& after = carved_.new_file.sections();
    for (const ElfSection& was : carved_.old_file.sections()) {
      if (next < after.size() && after[next].name == was.name && after[next].type == was.type) {
        compare(was, after[next++]);
      } else if (!carved_.options.strip_symbols || !may_be_stripped(was)) {
        return carved_.wrong(fmt::format("the section {} is gone", was.name));
      }
    }
    for (; next < after.size(); ++next) {
      if (!holds_containers(after[next].name) && !is_part_of_data(after[next]))
        carved_.wrong(fmt::format("the section {} is new", after[next].name));
      else check_place(after[next]);
    }
  }

 private:
  // Device code that is data, of which some may be gone.
  bool holds_data(const ElfSection& section) const {
    if (carved_.options.embedded == nullptr || !(section.flags & elf::shf_alloc)) return false;
    return std::ranges::any_of(carved_.options.embedded->containers, [&](const DeviceContainer& container) {
      return section.address <= container.address &&
             container.address + container.size() <= section.address + section.size;
    });
  }

  // What a hole left of a section with such data, or the hole itself.
  bool is_part_of_data(const ElfSection& section) const {
    return std::ranges::any_of(carved_.old_file.sections(), [&](const ElfSection& was) {
      return was.name == section.name && was.flags == section.flags && was.address < section.address &&
             section.address + section.size <= was.address + was.size && holds_data(was);
    });
  }

  void compare(const ElfSection& was, const ElfSection& is) {
    const bool shorter = (holds_containers(is.name) || holds_data(was)) && is.size < was.size;
    if (was.flags != is.flags || was.address != is.address || was.align != is.align ||
        was.entry_size != is.entry_size || (was.size != is.size && !shorter)) {
      return carved_.wrong(fmt::format("the header of section {} is wrong", was.name));
    }
    if (is.flags & elf::shf_alloc) return check_place(is);
    if (is.type == elf::sht_nobits || is.type == elf::sht_null || !lies_in(was, carved_.old_file)) return;
    if (!lies_in(is, carved_.new_file))
      return carved_.wrong(fmt::format("section {} leaves the file", is.name));
    const ByteSpan before = carved_.old_file.contents(was), after = carved_.new_file.contents(is);
    const bool same =
        is.type == elf::sht_symtab ? same_symbols(before, after) : as_text(before) == as_text(after);
    if (!same) carved_.wrong(fmt::format("section {} holds something else", is.name));
  }

  static bool lies_in(const ElfSection& section, const Elf& elf) {
    return section.offset <= elf.bytes().size() && section.size <= elf.bytes().size() - section.offset;
  }

  // A loaded section lies where its segment says.
  void check_place(const ElfSection& section) const {
    if (section.type == elf::sht_nobits || section.size == 0) return;
    if (carved_.new_file.offset_of(section.address) == section.offset) return;
    const auto was = std::ranges::find(carved_.old_file.sections(), section.address, &ElfSection::address);
    const bool was_wrong =
        was != carved_.old_file.sections().end() && carved_.old_file.offset_of(was->address) != was->offset;
    if (!was_wrong) carved_.wrong(fmt::format("section {} lies beside its segment", section.name));
  }

  // The same but for the values of symbols that name a moved container.
  bool same_symbols(ByteSpan before, ByteSpan after) const {
    namespace field = elf::symbol_field;
    constexpr std::uint64_t symbol_size = elf::symbol_size, number = 8;
    const ByteReader old_table(before), new_table(after);
    for (std::uint64_t at = 0; at + symbol_size <= before.size(); at += symbol_size) {
      if (as_text(old_table.at(at, symbol_size)) == as_text(new_table.at(at, symbol_size))) continue;
      const bool rest =
          as_text(old_table.at(at, field::value)) == as_text(new_table.at(at, field::value)) &&
          as_text(old_table.at(at + field::size, number)) == as_text(new_table.at(at + field::size, number));
      if (!rest || !follows(old_table.read_at<std::uint64_t>(at + field::value),
                            new_table.read_at<std::uint64_t>(at + field::value)))
        return false;
    }
    return true;
  }

  bool follows(std::uint64_t old_value, std::uint64_t new_value) const {
    const auto it = by_address_.find(old_value);
    return it != by_address_.end() && it->second.value < carved_.new_fatbins.wrappers.size() &&
           carved_.new_fatbins.wrappers[it->second].leads_to == new_value;
  }

  const Carved& carved_;
  std::unordered_map<std::uint64_t, WrapperIndex> by_address_;  // containers that may move: their wrappers
};

}  // namespace

void check_headers(const Carved& carved) {
  if (carved.new_file.findings().size() > carved.old_file.findings().size()) {
    carved.wrong("cannot be read without a complaint: " + carved.new_file.findings()[0].what);
  }
  if (carved.new_file.type() != carved.old_file.type() ||
      carved.new_file.machine() != carved.old_file.machine()) {
    carved.wrong("is of another type or for another machine");
  }
  check_loads(carved);
  check_other_segments(carved);
  check_table(carved);
}

void check_sections(const Carved& carved, const Movable& movable) { SectionCheck(carved, movable).check(); }

}  // namespace lathe
