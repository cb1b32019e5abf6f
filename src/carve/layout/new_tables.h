// SPDX-License-Identifier: MIT
// Inside of carve/layout only: the program and section headers of the carved file.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "carve/layout/offsets.h"
#include "carve/layout/spans.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {

// Each PT_LOAD that a cut goes through becomes two, or ends earlier. `grown` is one more.
std::vector<ProgramHeader> carved_program_headers(const std::vector<ProgramHeader>& programs,
                                                  const std::vector<SectionHeader>& sections,
                                                  const std::vector<Span>& spans, const OffsetMap& offsets,
                                                  const std::optional<ProgramHeader>& grown);

// A section that a cut goes through ends where its kept containers end. What follows the hole, if anything
// does, becomes a section of the same name and attributes at the end of the table; so no index changes.
std::vector<SectionHeader> carved_section_headers(const std::vector<SectionHeader>& sections,
                                                  const std::vector<Span>& spans, const OffsetMap& offsets);

// What `strip` drops: symbol and debug tables, ascending. Nothing that is loaded.
std::vector<std::size_t> sections_to_strip(const Elf& elf, const std::vector<SectionHeader>& sections);

// Removes them and renumbers what points to those behind them.
void drop_sections(const std::vector<std::size_t>& dropped, std::vector<SectionHeader>& sections,
                   std::uint32_t& names_index);

}  // namespace lathe
