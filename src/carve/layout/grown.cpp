// SPDX-License-Identifier: MIT
#include "carve/layout/grown.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

namespace lathe {
namespace {

constexpr std::uint64_t grain = 16;
constexpr std::uint32_t readable = 4;  // PF_R

std::uint64_t end_of_memory(const std::vector<ProgramHeader>& programs) {
  std::uint64_t end = 0;
  for (const ProgramHeader& header : programs) {
    if (header.type == elf::pt_load) end = std::max(end, header.address + header.memory_size);
  }
  return end;
}

// Index of the section that a span lies in; the number of sections: none.
std::size_t section_of(const Span& span, const std::vector<SectionHeader>& sections) {
  const auto found = std::ranges::find_if(sections, [&](const SectionHeader& section) {
    return section.file_size() != 0 && section.offset <= span.range.offset &&
           span.data_end <= section.offset + section.size;
  });
  return static_cast<std::size_t>(std::distance(sections.begin(), found));
}

}  // namespace

GrownPart place_grown(const Elf& elf, const std::vector<ProgramHeader>& programs,
                      const std::vector<SectionHeader>& sections, std::vector<Span>& spans,
                      std::uint64_t at) {
  std::map<std::size_t, std::vector<Span*>> by_section;
  for (Span& span : spans) {
    if (span.grown) by_section[section_of(span, sections)].push_back(&span);
  }
  GrownPart part;
  if (by_section.empty()) return part;
  // Offset and address agree within a page, as the loader demands, so the file need not be padded.
  const std::uint64_t page = machine_page(elf), begin = align_up(at, grain);
  const std::uint64_t address = align_up(end_of_memory(programs), page) + begin % page;
  std::uint64_t to = begin;
  for (const auto& [index, grown] : by_section) {
    to = align_up(to, grain);
    const std::uint64_t start = to;
    for (Span* span : grown) {
      for (MovedContainer& moved : span->moved) {
        to = align_up(to, 8);
        moved.offset = to;
        moved.address = address + (to - begin);
        to += moved.size;
      }
    }
    if (index == sections.size()) continue;
    part.sections.push_back(sections[index]);
    part.sections.back().offset = start;
    part.sections.back().address = address + (start - begin);
    part.sections.back().size = to - start;
  }
  part.segment = {.type = elf::pt_load,
                  .flags = readable,
                  .offset = begin,
                  .address = address,
                  .physical = address,
                  .file_size = to - begin,
                  .memory_size = to - begin,
                  .align = page};
  return part;
}

}  // namespace lathe
