// SPDX-License-Identifier: MIT
// Which pages leave the file, and where the program header table goes.
//
// How: behind the kept containers of a span whole pages are free, unless a segment or section of somebody
// else lies there. A cut inside a PT_LOAD makes two of it, so the table grows by an entry. It grows in place
// where nobody's bytes follow it; else PT_PHDR's entry serves (libraries only); else the table moves behind
// the kept containers of the span that frees most, which may take one page of that cut.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "carve/layout/offsets.h"
#include "carve/layout/spans.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {
namespace {

constexpr std::uint64_t smallest_page = 4096;
constexpr std::size_t most_cuts = 64;        // each costs a program header and, at run time, a mapping
constexpr std::size_t most_zero_cuts = 512;  // two mappings; cuBLASLt 13.0 has 383

FileRange file_range(const ProgramHeader& header) {
  return {.offset = header.offset, .size = header.file_size};
}

bool unused(const Elf& elf, const FileRange& range) {
  const ByteSpan bytes = ByteReader(elf.bytes()).at(range.offset, range.size);
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

class Cutter {
 public:
  Cutter(const Elf& elf, std::vector<ProgramHeader>& programs, const std::vector<SectionHeader>& sections,
         std::vector<Span>& spans)
      : elf_(elf), programs_(programs), sections_(sections), spans_(spans), page_(page_size_of(elf)) {}

  bool decide() {
    const bool taken_along = take_table_along();
    for (Span& span : spans_) span.cut = cut_of(span);
    limit_cuts();
    if (!taken_along && (table_size() <= programs_.size() || room_in_place())) return false;
    if (!taken_along && is_library()) {
      // PT_PHDR tells an executable's loader where it was put; in a library nobody asks, and lld always
      // writes one.
      const auto table = std::ranges::find(programs_, ProgramHeader::pt_phdr, &ProgramHeader::type);
      if (table != programs_.end()) table->type = 0;
      if (table_size() <= programs_.size()) return false;
    }
    move_table();
    return true;
  }

 private:
  // An earlier carve put the table behind the containers: it moves on with them.
  bool take_table_along() {
    const FileRange table{.offset = elf_.program_headers_at(),
                          .size = programs_.size() * ProgramHeader::bytes};
    for (Span& span : spans_) {
      if (span.zeros) continue;
      const std::uint64_t load_end = file_range(programs_[span.load]).end();
      const std::uint64_t end = span.range.end();
      if (end > table.offset || table.offset - end > page_ || table.end() < load_end ||
          table.offset > load_end)
        continue;
      if (sections_.empty() || !unused(elf_, {.offset = end, .size = table.offset - end})) continue;
      if (named({.offset = end, .size = table.end() - end})) continue;
      span.range.size = load_end - span.range.offset;
      return true;
    }
    return false;
  }

  bool has_loader() const {
    constexpr std::uint32_t pt_interp = 3;
    return std::ranges::find(programs_, pt_interp, &ProgramHeader::type) != programs_.end();
  }

  bool is_library() const {
    constexpr std::uint64_t dt_flags_1 = 0x6ffffffb, df_1_pie = 0x8000000;
    const auto flags = elf_.dynamic(static_cast<elf::DynamicTag>(dt_flags_1)).value_or(0);
    return elf_.type() == ElfType::shared && !has_loader() && (flags & df_1_pie) == 0;
  }

  bool named(const FileRange& range) const {
    return std::ranges::any_of(sections_, [&](const SectionHeader& section) {
      return range.touches({.offset = section.offset, .size = section.file_size()});
    });
  }

  bool ends_its_load(const Span& span) const {
    return span.range.end() == file_range(programs_[span.load]).end();
  }

  std::uint64_t cut_of(const Span& span) const {
    const ProgramHeader& load = programs_[span.load];
    if (ends_its_load(span) && load.memory_size > load.file_size) return 0;  // .bss begins right behind
    const std::uint64_t begin = span.used_end + span.spare;
    if (begin >= span.range.end()) return 0;
    if (span.zeros) return (span.range.end() - begin) / machine_page(elf_) * machine_page(elf_);
    const FileRange freed{.offset = begin, .size = span.range.end() - begin};
    for (const ProgramHeader& other : programs_) {
      const bool table = other.type == ProgramHeader::pt_phdr;  // it moves along
      if (&other != &load && !table && freed.touches(file_range(other))) return 0;
    }
    for (const SectionHeader& section : sections_) {
      const FileRange range{.offset = section.offset, .size = section.file_size()};
      const bool around = range.offset <= span.range.offset && range.end() >= span.data_end;
      if (!around && freed.touches(range)) return 0;
    }
    return freed.size / page_ * page_;
  }

  // Many small holes are not worth a mapping each: the largest stay.
  void limit_cuts() {
    for (const bool zeros : {false, true}) {
      std::vector<Span*> by_size;
      for (Span& span : spans_) {
        if (span.zeros == zeros) by_size.push_back(&span);
      }
      std::ranges::stable_sort(by_size, std::ranges::greater{}, &Span::cut);
      for (std::size_t i = zeros ? zero_cuts() : most_cuts; i < by_size.size(); ++i) by_size[i]->cut = 0;
    }
  }

  // The table never moves into data: strip would take its segment for the one that begins with it. So there
  // are as many as the table has room for where it stands, or behind containers that are cut.
  std::size_t zero_cuts() const {
    if (table_size() <= programs_.size() || room_in_place()) return most_zero_cuts;
    std::uint64_t largest = 0;
    for (const Span& span : spans_) largest = std::max(largest, cut_of_containers(span));
    const std::size_t others = programs_.size() + most_cuts + 2;
    const std::size_t entries = largest / ProgramHeader::bytes;
    return entries < others ? 0 : std::min(entries - others, most_zero_cuts);
  }

  static std::uint64_t cut_of_containers(const Span& span) { return span.zeros ? 0 : span.cut; }

  std::size_t table_size() const {
    const auto unused = std::ranges::count(programs_, std::uint32_t{0}, &ProgramHeader::type);
    const auto splits =
        std::ranges::count_if(spans_, [&](const Span& s) { return s.cut != 0 && !ends_its_load(s); });
    const bool more = std::ranges::any_of(spans_, &Span::grown);  // a segment for those
    return programs_.size() + static_cast<std::size_t>(splits - unused) + (more ? 1 : 0);
  }

  // Is what follows the table nobody's, and loaded along with it?
  bool room_in_place() const {
    if (sections_.empty()) return false;  // nobody can tell
    const FileRange table{.offset = elf_.program_headers_at(), .size = table_size() * ProgramHeader::bytes};
    const FileRange more{.offset = table.offset + programs_.size() * ProgramHeader::bytes,
                         .size = (table_size() - programs_.size()) * ProgramHeader::bytes};
    if (more.touches({.offset = elf_.section_headers_at(), .size = sections_.size() * SectionHeader::bytes}))
      return false;
    if (named(more) || !covered(table)) return false;
    return std::ranges::none_of(programs_, [&](const ProgramHeader& header) {
      return header.type != elf::pt_load && header.type != ProgramHeader::pt_phdr &&
             more.touches(file_range(header));
    });
  }

  bool covered(const FileRange& range) const {
    return std::ranges::any_of(programs_, [&](const ProgramHeader& header) {
      return header.type == elf::pt_load && header.offset <= range.offset &&
             range.end() <= file_range(header).end();
    });
  }

  // Behind the kept containers of the span that frees most, within one page.
  void move_table() {
    if (!is_library() && !has_loader()) {
      throw Error({.what = "a statically linked executable without room for another program header: strip "
                           "and objcopy would "
                           "take what a carve makes of it and ruin it without a word",
                   .where = {.file = elf_.name()},
                   .next = "link it dynamically, or carve what it is linked from"});
    }
    const auto span = std::ranges::max_element(spans_, {}, [](const Span& one) {
      return std::pair(cut_of_containers(one), one.zeros ? 0 : one.range.end() - one.used_end);
    });
    const std::uint64_t size = table_size() * ProgramHeader::bytes;
    span->spare = sections_.empty() ? 0 : ProgramHeader::bytes;
    span->frees_elf_header = !sections_.empty() && is_library();
    span->table_at = align_up(span->kept_end, 8);
    if (span->table_at / page_ != (span->table_at + size + span->spare - 1) / page_) {
      span->table_at = align_up(span->table_at, page_);
    }
    span->used_end = span->table_at + size;
    if (span->used_end + span->spare > span->range.end()) {
      throw Error({.what = "no room for another program header", .where = {.file = elf_.name()}});
    }
    span->cut = cut_of(*span);
    // Then no segment ends behind the table, and strip would ruin the file (spans.h).
    if (span->cut == 0 && !span->zeros && std::ranges::any_of(spans_, &Span::grown)) {
      throw Error(
          {.what = fmt::format("no room for another program header: the device code is smaller than a "
                               "page of {} bytes",
                               page_),
           .where = {.file = elf_.name()},
           .next = "leave its images packed: carve it without --compress none"});
    }
  }

  const Elf& elf_;
  std::vector<ProgramHeader>& programs_;
  const std::vector<SectionHeader>& sections_;
  std::vector<Span>& spans_;
  const std::uint64_t page_;
};

}  // namespace

std::uint64_t page_size_of(const Elf& elf) {
  std::uint64_t page = smallest_page;
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type == elf::pt_load) page = std::max(page, segment.align);
  }
  if (!std::has_single_bit(page)) {
    throw Error({.what = fmt::format("a segment is aligned to {} bytes, which is not a power of two", page),
                 .where = {.file = elf.name()}});
  }
  return page;
}

std::uint64_t machine_page(const Elf& elf) {
  constexpr std::uint64_t largest_on_arm = 65536;
  return elf.machine() == elf::em_aarch64 ? largest_on_arm : smallest_page;
}

bool cut_spans(const Elf& elf, std::vector<ProgramHeader>& programs,
               const std::vector<SectionHeader>& sections, std::vector<Span>& spans) {
  return Cutter(elf, programs, sections, spans).decide();
}

}  // namespace lathe
