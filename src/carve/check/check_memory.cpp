// SPDX-License-Identifier: MIT
// Is every byte of loaded memory the same that was not meant to change?
//
// How: first the address ranges that may differ are listed (containers that move with their wrappers'
// pointers, the zeros behind them, the tables of headers). What each PT_LOAD of the old file holds between
// those ranges is cut into chunks, and each is compared at its address in both files, whatever offset it has
// there. The ELF header, which is one of the ranges, is compared by its fields.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/parallel.h"
#include "carve/check/check.h"
#include "carve/check/check_parts.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {
namespace {

constexpr std::uint64_t chunk_size = std::uint64_t{8} << 20;

class MemoryCheck {
 public:
  MemoryCheck(const Carved& carved, const Movable& movable) : carved_(carved), movable_(movable) {}

  void check() {
    exempt_device_code();
    exempt_emptied();
    exempt_headers();
    for (const MeantChange& change : carved_.options.meant) exempt(change.address, change.size);
    std::ranges::sort(exempt_, {}, &AddressRange::begin);
    for (const ElfSegment& load : carved_.old_file.segments()) {
      if (load.type != elf::pt_load) continue;
      split(load);
      check_end(load);
    }
    std::vector<std::string> problems(chunks_.size());
    parallel_for_all(chunks_.size(), [&](std::size_t i) { problems[i] = compare(chunks_[i]); });
    for (const std::string& problem : problems) {
      if (!problem.empty()) carved_.wrong(problem);
    }
  }

 private:
  void exempt(std::uint64_t begin, std::uint64_t size) {
    if (size != 0) exempt_.push_back({.begin = begin, .end = begin + size});
  }

  // Containers that may move, and the wrappers' pointers to them.
  void exempt_device_code() {
    const DeviceContents& fatbins = carved_.old_fatbins;
    for (const ContainerIndex i : fatbins.containers.ids()) {
      const DeviceContainer& container = fatbins.containers[i];
      if (!movable_[i]) continue;
      exempt(container.address, container.size());
      const DeviceWrapper& wrapper = fatbins.wrappers[*container.wrapper];
      if (const auto address = carved_.old_file.address_of(wrapper.pointer_at)) exempt(*address, 8);
    }
    exempt_padding();
  }

  // Machine code that is data and that no target runs: in memory it is what it was, or zeros.
  void exempt_emptied() {
    if (carved_.options.embedded == nullptr || carved_.options.targets.empty()) return;
    for (const DeviceContainer& container : carved_.options.embedded->containers) {
      for (const DeviceImage& image : container.images) {
        if (image.kind != ImageKind::native || runs_somewhere(image)) continue;
        const std::uint64_t begin = container.address + (image.payload_offset() - container.offset);
        const AddressRange payload{.begin = begin, .end = begin + image.payload_size};
        if (is_as_before(payload)) continue;
        // What no list names is nobody's: plan/bundles.h checks the lists.
        if (!carved_.options.lists && !is_zeros(payload))
          carved_.wrong(fmt::format("the image at {:#x} is neither there nor zeros", begin));
        exempt(payload.begin, image.payload_size);
      }
    }
  }

  bool runs_somewhere(const DeviceImage& image) const {
    const TargetCode code = image.code();
    return std::ranges::any_of(carved_.options.targets, [&](const CarveTarget& target) {
      return pick({&code, 1}, target.device).has_value();
    });
  }

  bool is_as_before(const AddressRange& range) const {
    const std::uint64_t size = range.end - range.begin;
    const ByteSpan before = carved_.old_file.from_address(range.begin);
    const ByteSpan after = carved_.new_file.from_address(range.begin);
    return before.size() >= size && after.size() >= size &&
           std::memcmp(before.data(), after.data(), size) == 0;
  }

  // As a process sees it: bytes of the file, or memory that a segment has beyond its file.
  bool is_zeros(AddressRange range) const {
    while (range.begin < range.end) {
      const ElfSegment* load = load_at(range.begin);
      if (load == nullptr) return false;
      const std::uint64_t in_load = range.begin - load->address;
      std::uint64_t end = std::min(range.end, load->address + load->memory_size);
      if (in_load < load->file_size) {
        end = std::min(end, load->address + load->file_size);
        const ByteSpan bytes =
            ByteReader(carved_.new_file.bytes(), "image").at(load->offset + in_load, end - range.begin);
        if (!std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; })) return false;
      }
      range.begin = end;
    }
    return true;
  }

  const ElfSegment* load_at(std::uint64_t address) const {
    for (const ElfSegment& load : carved_.new_file.segments()) {
      if (load.type == elf::pt_load && load.address <= address && address - load.address < load.memory_size)
        return &load;
    }
    return nullptr;
  }

  // Zeros behind a container that may move, up to the next one or to the section's end.
  void exempt_padding() {
    const auto& containers = carved_.old_fatbins.containers;
    std::map<std::uint64_t, std::uint64_t> regions;  // file offsets: start, end
    for (const DeviceRegion& region : carved_.old_fatbins.regions) {
      // Without section headers only what aligns the next container counts as padding.
      const std::uint64_t end = region.offset + region.size;
      regions[region.offset] = region.name.empty() ? (end + 7) / 8 * 8 : end;
    }
    for (const ContainerIndex i : containers.ids()) {
      const auto region = regions.upper_bound(containers[i].offset);
      if (!movable_[i] || region == regions.begin()) continue;
      std::uint64_t end = std::prev(region)->second;
      const ContainerIndex next{i.value + 1};
      if (next.value < containers.size()) end = std::min(end, containers[next].offset);
      const std::uint64_t begin = containers[i].end();
      if (end > begin) exempt_zeros(containers[i].address + (begin - containers[i].offset), end - begin);
    }
  }

  void exempt_zeros(std::uint64_t begin, std::uint64_t size) {
    const ByteSpan bytes = carved_.old_file.from_address(begin);
    if (bytes.size() < size) return;
    const bool zeros = std::ranges::all_of(bytes.first(size), [](std::byte b) { return b == std::byte{0}; });
    if (zeros) exempt(begin, size);
  }

  // Of the ELF header the numbers and places of the tables; the program headers themselves, and unused room
  // behind them.
  void exempt_headers() {
    const auto field = [&](std::uint64_t offset, std::uint64_t size) {
      if (const auto address = carved_.old_file.address_of(offset)) exempt(*address, size);
    };
    field(0, elf::header_size);  // compared field by field below
    compare_elf_headers();
    const std::uint64_t at = carved_.old_file.program_headers_at();
    const std::uint64_t old_size = carved_.old_file.segments().size() * elf::segment_size;
    std::uint64_t size = old_size;
    const auto old_address = carved_.old_file.address_of(at);
    if (old_address && carved_.new_file.address_of(carved_.new_file.program_headers_at()) == old_address) {
      size = std::max(size, carved_.new_file.segments().size() * elf::segment_size);
    }
    if (size > old_size && !unused(at + old_size, at + size)) size = old_size;
    field(at, size);
    exempt_around_table(at, at + size);
    // Section headers that happen to be loaded (patchelf puts them there).
    const std::uint64_t sections = carved_.old_file.sections().size() * elf::section_size;
    if (sections != 0) field(carved_.old_file.section_headers_at(), sections);
  }

  // All of the ELF header but the places and counts of the two tables.
  void compare_elf_headers() const {
    const auto fixed = [](const Elf& elf) {
      const std::string_view header = as_text(elf.bytes()).substr(0, elf::header_size);
      namespace field = elf::file_field;
      const auto part = [&](std::size_t from, std::size_t to) { return header.substr(from, to - from); };
      std::string text(part(0, field::segments_at));
      text += part(field::flags, field::segment_count);
      return text += part(field::section_size, field::section_count);
    };
    if (fixed(carved_.old_file) != fixed(carved_.new_file))
      carved_.wrong("the ELF header says something else");
  }

  // Zeros before the first section, and between the containers and a table that an earlier carve moved
  // behind them.
  void exempt_around_table(std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t most = 65536;
    std::uint64_t before = 0, behind = end;
    for (const DeviceContainer& container : carved_.old_fatbins.containers) {
      if (container.end() <= begin) before = std::max(before, container.end());
    }
    for (const ElfSection& section : carved_.old_file.sections()) {
      const bool follows = section.type != elf::sht_nobits && section.size != 0 && section.offset >= end;
      if (follows && (behind == end || section.offset < behind)) behind = section.offset;
    }
    const auto zeros = [&](std::uint64_t from, std::uint64_t to) {
      const auto address = carved_.old_file.address_of(from);
      if (address && to > from && to - from < most) exempt_zeros(*address, to - from);
    };
    if (before != 0) zeros(before, begin);
    zeros(end, behind);
  }

  bool unused(std::uint64_t begin, std::uint64_t end) const {
    if (carved_.old_file.sections().empty()) return false;
    return std::ranges::none_of(carved_.old_file.sections(), [&](const ElfSection& section) {
      const bool has_bytes =
          section.type != elf::sht_nobits && section.type != elf::sht_null && section.size != 0;
      return has_bytes && section.offset < end && begin < section.offset + section.size;
    });
  }

  // What of a segment must be the same, in pieces for the cores.
  void split(const ElfSegment& load) {
    const std::uint64_t end = load.address + load.file_size;
    std::uint64_t at = load.address;
    const auto add = [&](std::uint64_t until) {
      while (at < until) {
        const std::uint64_t size = std::min(chunk_size, until - at);
        chunks_.push_back({.begin = at, .end = at + size});
        at += size;
      }
    };
    for (const AddressRange& range : exempt_) {
      if (range.end <= at || range.begin >= end) continue;
      add(std::min(range.begin, end));
      at = std::max(at, range.end);
    }
    add(end);
  }

  std::string compare(AddressRange chunk) const {
    while (chunk.begin < chunk.end) {
      const ByteSpan before = carved_.old_file.from_address(chunk.begin);
      const ByteSpan after = carved_.new_file.from_address(chunk.begin);
      const std::uint64_t size =
          std::min({chunk.end - chunk.begin, std::uint64_t{before.size()}, std::uint64_t{after.size()}});
      if (before.empty()) return "";  // damaged before: the old file has no bytes for it either
      if (size == 0) return fmt::format("the byte at {:#x} is no longer loaded", chunk.begin);
      if (std::memcmp(before.data(), after.data(), size) != 0) {
        const auto [a, b] = std::ranges::mismatch(before.first(size), after.first(size));
        return fmt::format("the byte at {:#x} is another",
                           chunk.begin + static_cast<std::uint64_t>(a - before.begin()));
      }
      chunk.begin += size;
    }
    return "";
  }

  // Where file bytes end and zeroed memory begins and ends.
  void check_end(const ElfSegment& load) {
    if (load.memory_size <= load.file_size) return;
    const bool same = std::ranges::any_of(carved_.new_file.segments(), [&](const ElfSegment& other) {
      return other.type == elf::pt_load && other.address + other.file_size == load.address + load.file_size &&
             other.address + other.memory_size == load.address + load.memory_size;
    });
    if (!same)
      carved_.wrong(fmt::format("the zeroed memory of the segment at {:#x} is not the same", load.address));
  }

  const Carved& carved_;
  const Movable& movable_;
  std::vector<AddressRange> exempt_;
  std::vector<AddressRange> chunks_;
};

}  // namespace

void check_memory(const Carved& carved, const Movable& movable) { MemoryCheck(carved, movable).check(); }

}  // namespace lathe
