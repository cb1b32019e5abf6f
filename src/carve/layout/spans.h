// SPDX-License-Identifier: MIT
// Inside of carve/layout only: which containers move together, where to, and how much of the file they free.
#pragma once

#include <cstdint>
#include <vector>

#include "carve/layout/offsets.h"
#include "carve/layout/layout.h"
#include "carve/layout/packed.h"
#include "carve/plan/embedded_plan.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {

struct MovedContainer {
  ContainerIndex container = {};
  // where it would lie in the old file; of a span that has grown: where it lies in the new one
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

// A run of containers that may move, together with the padding behind them. Offsets are of the old file.
struct Span {
  FileRange range;  // free to be written anew
  // of containers and padding: range.end(), unless an old program header table follows
  std::uint64_t data_end = 0;
  std::uint64_t address = 0;
  std::size_t load = 0;  // index of the PT_LOAD that holds it
  std::vector<ContainerIndex> containers = {};
  std::vector<MovedContainer> moved = {};
  std::uint64_t kept_end = 0;  // where the last container ends that stays
  std::uint64_t table_at = 0;  // where the program header table goes; 0: not here
  std::uint64_t used_end = 0;  // kept_end, or the end of that table: what stays loaded
  std::uint64_t spare = 0;     // bytes behind used_end that stay in the file: an unused entry of that table
  // Emptied data (embedded_plan.h): range is whole pages of it, which memory has as zeros afterwards
  bool zeros = false;
  // Unpacked its containers need more room than there is: they go to a segment of their own (grown.h), and
  // all of the range is free.
  bool grown = false;
  bool frees_elf_header = false;  // with that table: the first PT_LOAD begins behind the headers
  std::uint64_t cut = 0;          // whole pages that leave the file: the last of the range

  bool hosts_table() const { return table_at != 0; }
  FileRange cut_range() const { return {.offset = range.end() - cut, .size = cut}; }
};

// Runs of movable containers with nothing but zeros between them, each within one PT_LOAD and one section.
// Their kept containers stand packed at the start, 8-byte aligned; used_end is kept_end and nothing is cut
// yet.
std::vector<Span> find_spans(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan,
                             const PackedImages& packed);

// The whole pages of what is emptied and may leave the file, each a span of its own; of what is unused it is
// one that may host the program header table. None where another
// segment's or section's bytes begin or end inside.
std::vector<Span> zero_spans(const Elf& elf, const std::vector<EmptiedPayload>& emptied);

// Decides what is cut, and where the program header table goes when the splits make it too long for its
// place (true: it moves into a span).
//
// GNU strip and objcopy write the table behind the ELF header whatever they read. Where the first section
// follows there, they only find room if no segment claims the ELF header (they then shift all of the file by
// a page), and they take a segment that holds the whole table for one that begins with it, and ruin it. So
// when the table moves,
//   - an unused entry ends the table, behind the end of the segment that holds all the others;
//   - in a library the first PT_LOAD begins with the first section instead of the ELF header (the page is
//     mapped all the same). An executable needs its table in memory wherever those tools put it, so there
//     they must refuse. They don't for one that is linked statically: that is an Error here.
// A library's PT_PHDR is of no use, so where there is one, its entry serves for the split and nothing moves.
bool cut_spans(const Elf& elf, std::vector<ProgramHeader>& programs,
               const std::vector<SectionHeader>& sections, std::vector<Span>& spans);

// Moving a segment's offset by a multiple of this keeps it mappable at its address: the largest alignment of
// a PT_LOAD.
std::uint64_t page_size_of(const Elf& elf);

// What the machine maps by at least: the alignment of a PT_LOAD may be reduced to it.
std::uint64_t machine_page(const Elf& elf);

inline std::uint64_t align_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

}  // namespace lathe
