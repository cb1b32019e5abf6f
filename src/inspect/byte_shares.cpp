// SPDX-License-Identifier: MIT
#include "inspect/byte_shares.h"

#include <algorithm>

#include "device/vendor.h"

namespace lathe {
namespace {

ByteUse use_of(const ElfSection& section) {
  const std::string_view name = section.name;
  const DeviceSection role = device_section(name);
  if (role == DeviceSection::images) return ByteUse::gpu_code;
  if (role == DeviceSection::linker) return ByteUse::gpu_relocatable;
  if (name.starts_with(".debug_") || name.starts_with(".zdebug_") || name == ".gdb_index")
    return ByteUse::debug;
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

std::vector<Extent> extents_of(const Elf& elf, const DeviceContents& fatbins) {
  std::vector<Extent> extents;
  for (const ElfSection& section : elf.sections()) {
    if (section.type == elf::sht_null || section.type == elf::sht_nobits || section.size == 0) continue;
    if (section.offset + section.size < section.offset) continue;
    extents.push_back(
        {.begin = section.offset, .end = section.offset + section.size, .use = use_of(section)});
  }
  if (!extents.empty()) return extents;
  for (const DeviceRegion& region : fatbins.regions) {
    extents.push_back({.begin = region.offset, .end = region.offset + region.size, .use = ByteUse::gpu_code});
  }
  for (const ElfSegment& segment : elf.segments()) {
    if (segment.type != elf::pt_load || segment.offset + segment.file_size < segment.offset) continue;
    extents.push_back(
        {.begin = segment.offset, .end = segment.offset + segment.file_size, .use = use_of(segment)});
  }
  return extents;
}

}  // namespace

std::string_view to_string(ByteUse use) {
  switch (use) {
    case ByteUse::gpu_code: return "device code";
    case ByteUse::gpu_relocatable: return "device code for the linker";
    case ByteUse::gpu_embedded: return "device code as data";
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

namespace {

// Device code as data, by place; it lies inside the extents of what it looks like to the linker.
class EmbeddedBytes {
 public:
  explicit EmbeddedBytes(const EmbeddedCode& embedded) {
    for (const DeviceContainer& container : embedded.containers)
      parts_.emplace_back(container.offset, container.end());
    for (const EmbeddedImage& image : embedded.images)
      parts_.emplace_back(image.offset, image.offset + image.size);
    std::ranges::sort(parts_);
  }

  // How many of the bytes [begin, end); called with ascending ranges.
  std::uint64_t in(std::uint64_t begin, std::uint64_t end) {
    std::uint64_t sum = 0;
    while (next_ < parts_.size() && parts_[next_].second <= begin) ++next_;
    for (std::size_t i = next_; i < parts_.size() && parts_[i].first < end; ++i) {
      sum += std::min(end, parts_[i].second) - std::max(begin, parts_[i].first);
      next_ = i;
    }
    return sum;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts_;  // disjoint
  std::size_t next_ = 0;
};

}  // namespace

// Each byte counts once: of extents that overlap (in damaged files), for the one that begins first.
ByteShares byte_shares(const Elf& elf, const DeviceContents& fatbins, const EmbeddedCode& embedded) {
  std::vector<Extent> extents = extents_of(elf, fatbins);
  std::ranges::stable_sort(extents, {}, &Extent::begin);
  EmbeddedBytes as_data(embedded);
  ByteShares shares;
  std::uint64_t done = 0;
  std::uint64_t counted = 0;
  const std::uint64_t size = elf.bytes().size();
  for (const Extent& extent : extents) {
    const std::uint64_t begin = std::max(extent.begin, done);
    const std::uint64_t end = std::min(extent.end, size);
    if (begin >= end) continue;
    const std::uint64_t apart = as_data.in(begin, end);
    shares[extent.use] += end - begin - apart;
    shares[ByteUse::gpu_embedded] += apart;
    counted += end - begin;
    done = end;
  }
  shares[ByteUse::rest] += size - counted;
  return shares;
}

}  // namespace lathe
