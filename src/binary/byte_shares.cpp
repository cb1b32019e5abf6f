// SPDX-License-Identifier: MIT
#include "binary/byte_shares.h"

#include <algorithm>

namespace lathe {
namespace {

ByteUse use_of(const ElfSection& section) {
  const std::string_view name = section.name;
  if (name == ".nv_fatbin") return ByteUse::gpu_code;
  if (name == "__nv_relfatbin") return ByteUse::gpu_relocatable;
  if (name.starts_with(".debug_") || name.starts_with(".zdebug_") || name == ".gdb_index") return ByteUse::debug;
  if (name.starts_with(".eh_frame") || name.starts_with(".gcc_except_table")) return ByteUse::unwind;
  if ((section.flags & elf::shf_alloc) == 0) {
    const bool symbols = section.type == elf::sht_symtab || section.type == elf::sht_strtab ||
                         section.type == elf::sht_symtab_shndx;
    return symbols ? ByteUse::symbols : section.type == elf::sht_rela ? ByteUse::linking : ByteUse::rest;
  }
  if (section.flags & elf::shf_exec) return ByteUse::code;
  if (section.flags & elf::shf_write) return ByteUse::data;
  return section.type == elf::sht_progbits ? ByteUse::constants : ByteUse::linking;
}

ByteUse use_of(const ElfSegment& segment) {
  if (segment.flags & elf::pf_x) return ByteUse::code;
  return segment.flags & elf::pf_w ? ByteUse::data : ByteUse::constants;
}

struct Extent {
  std::uint64_t begin = 0, end = 0;
  ByteUse use = ByteUse::rest;
};

std::vector<Extent> extents_of(const Elf& elf, const Fatbins& fatbins) {
  std::vector<Extent> extents;
  for (const ElfSection& section : elf.sections()) {
    if (section.type == elf::sht_null || section.type == elf::sht_nobits || section.size == 0) continue;
    if (section.offset + section.size < section.offset) continue;
    extents.push_back({.begin = section.offset, .end = section.offset + section.size, .use = use_of(section)});
  }
  if (!extents.empty()) return extents;
  for (const FatbinRegion& region : fatbins.regions) {
    extents.push_back({.begin = region.offset, .end = region.offset + region.size, .use = ByteUse::gpu_code});
  }
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type != elf::pt_load || segment.offset + segment.file_size < segment.offset) continue;
    extents.push_back({.begin = segment.offset, .end = segment.offset + segment.file_size, .use = use_of(segment)});
  }
  return extents;
}

}  // namespace

std::string_view to_string(ByteUse use) {
  switch (use) {
    case ByteUse::gpu_code: return "device code";
    case ByteUse::gpu_relocatable: return "device code for the linker";
    case ByteUse::code: return "code";
    case ByteUse::unwind: return "exception tables";
    case ByteUse::constants: return "constants";
    case ByteUse::data: return "data";
    case ByteUse::linking: return "dynamic linking";
    case ByteUse::symbols: return "symbols";
    case ByteUse::debug: return "debug information";
    case ByteUse::rest:
    case ByteUse::count: break;
  }
  return "rest";
}

ByteShares& ByteShares::operator+=(const ByteShares& other) {
  std::ranges::transform(bytes, other.bytes, bytes.begin(), std::plus<>());
  return *this;
}

// Each byte counts once: of extents that overlap (in damaged files), for the one that begins first.
ByteShares byte_shares(const Elf& elf, const Fatbins& fatbins) {
  std::vector<Extent> extents = extents_of(elf, fatbins);
  std::ranges::stable_sort(extents, {}, &Extent::begin);
  ByteShares shares;
  std::uint64_t done = 0;
  std::uint64_t counted = 0;
  const std::uint64_t size = elf.bytes().size();
  for (const Extent& extent : extents) {
    const std::uint64_t begin = std::max(extent.begin, done);
    const std::uint64_t end = std::min(extent.end, size);
    if (begin >= end) continue;
    shares[extent.use] += end - begin;
    counted += end - begin;
    done = end;
  }
  shares[ByteUse::rest] += size - counted;
  return shares;
}

}  // namespace lathe
