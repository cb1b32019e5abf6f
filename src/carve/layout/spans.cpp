// SPDX-License-Identifier: MIT
#include "carve/layout/spans.h"
#include "base/bytes.h"
#include "carve/layout/packed.h"
#include "carve/plan/embedded_plan.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "formats/elf.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace lathe {
namespace {

// In a file without section headers an unwrapped container cannot be seen, so only what aligns the next one
// counts as free there.
constexpr std::uint64_t most_padding = 8;

class SpanFinder {
 public:
  SpanFinder(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan, const PackedImages& packed)
      : elf_(elf), fatbins_(fatbins), plan_(plan), packed_(packed), has_sections_(!elf.sections().empty()) {
    for (const DeviceRegion& region : fatbins.regions) regions_.push_back(&region);
    std::ranges::sort(regions_, {}, &DeviceRegion::offset);
  }

  std::vector<Span> find() {
    for (const ContainerIndex i : fatbins_.containers.ids()) {
      const auto load = movable(i) ? load_of(fatbins_.containers[i]) : std::nullopt;
      if (!load) {
        close(fatbins_.containers[i].offset);
        continue;
      }
      if (!continues(i, *load)) {
        close(fatbins_.containers[i].offset);
        open(i, *load);
      }
      spans_.back().containers.push_back(i);
      spans_.back().range.size = fatbins_.containers[i].end() - spans_.back().range.offset;
    }
    close(elf_.bytes().size());
    for (Span& span : spans_) {
      span.data_end = span.range.end();
      pack(span);
    }
    return std::move(spans_);
  }

 private:
  bool movable(ContainerIndex index) const { return plan_.containers[index].untouched == Untouched::no; }

  std::optional<std::size_t> load_of(const DeviceContainer& container) const {
    for (std::size_t i = 0; i < elf_.segments().size(); ++i) {
      const ElfSegment& segment = elf_.segments()[i];
      if (segment.type != elf::pt_load || container.offset < segment.offset) continue;
      if (container.end() - segment.offset <= segment.file_size) return i;
    }
    return std::nullopt;
  }

  const DeviceRegion* region_of(std::uint64_t offset) const {
    const auto it = std::ranges::upper_bound(regions_, offset, {}, &DeviceRegion::offset);
    if (it == regions_.begin() || offset - (*std::prev(it))->offset >= (*std::prev(it))->size) return nullptr;
    return *std::prev(it);
  }

  bool zeros(std::uint64_t begin, std::uint64_t end) const {
    const ByteSpan bytes = ByteReader(elf_.bytes()).at(begin, end - begin);
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
  }

  bool is_padding(std::uint64_t begin, std::uint64_t end) const {
    return end >= begin && (has_sections_ || end - begin < most_padding) && zeros(begin, end);
  }

  bool continues(ContainerIndex index, std::size_t load) const {
    if (!open_ || spans_.back().load != load) return false;
    const DeviceContainer& container = fatbins_.containers[index];
    const Span& span = spans_.back();
    if (has_sections_ && region_of(span.range.offset) != region_of(container.offset)) return false;
    return is_padding(span.range.end(), container.offset);
  }

  void open(ContainerIndex index, std::size_t load) {
    const DeviceContainer& container = fatbins_.containers[index];
    spans_.push_back({.range = {.offset = container.offset, .size = 0},
                      .address = container.address,
                      .load = load,
                      .containers = {}});
    open_ = true;
  }

  // The padding behind the last container belongs to the span, up to the end of its section.
  void close(std::uint64_t next) {
    if (!open_) return;
    open_ = false;
    Span& span = spans_.back();
    if (!has_sections_) return;
    const DeviceRegion* region = region_of(span.range.offset);
    const std::uint64_t end = region ? std::min(next, region->offset + region->size) : 0;
    if (end > span.range.end() && is_padding(span.range.end(), end))
      span.range.size = end - span.range.offset;
  }

  void pack(Span& span) const {
    std::uint64_t at = span.range.offset;
    for (const ContainerIndex index : span.containers) {
      const DeviceContainer& container = fatbins_.containers[index];
      at = align_up(at, 8);
      std::uint64_t size = container.header_size;
      for (const ImageIndex kept : plan_.containers[index].keep)
        size += packed_.size_of(index, kept, container.images[kept]);
      span.moved.push_back({.container = index,
                            .offset = at,
                            .address = span.address + (at - span.range.offset),
                            .size = size});
      at += size;
    }
    span.grown = at > span.range.end();
    span.kept_end = span.used_end = span.grown ? span.range.offset : at;
  }

  const Elf& elf_;
  const DeviceContents& fatbins_;
  const CarvePlan& plan_;
  const PackedImages& packed_;
  const bool has_sections_;
  std::vector<const DeviceRegion*> regions_;  // by offset
  std::vector<Span> spans_;
  bool open_ = false;
};

std::optional<std::size_t> load_around(const Elf& elf, const FileRange& range) {
  for (std::size_t i = 0; i < elf.segments().size(); ++i) {
    const ElfSegment& segment = elf.segments()[i];
    if (segment.type == elf::pt_load && segment.offset <= range.offset &&
        range.end() <= segment.offset + segment.file_size)
      return i;
  }
  return std::nullopt;
}

// Does the range lie inside of one section, and in no segment but what is loaded?
bool is_plain_data(const Elf& elf, const FileRange& range) {
  const auto other = [&](const ElfSegment& segment) {
    return segment.type != elf::pt_load &&
           range.touches({.offset = segment.offset, .size = segment.file_size});
  };
  if (std::ranges::any_of(elf.segments(), other)) return false;
  std::size_t around = 0;
  for (const ElfSection& section : elf.sections()) {
    if (section.type == elf::sht_nobits || section.type == elf::sht_null) continue;
    const FileRange bytes{.offset = section.offset, .size = section.size};
    if (!bytes.touches(range)) continue;
    if (bytes.offset > range.offset || bytes.end() < range.end()) return false;
    ++around;
  }
  return elf.sections().empty() || around == 1;
}

}  // namespace

std::vector<Span> zero_spans(const Elf& elf, const std::vector<EmptiedPayload>& emptied) {
  std::vector<Span> spans;
  const std::uint64_t page = machine_page(elf);
  for (const EmptiedPayload& payload : emptied) {
    const std::uint64_t begin = align_up(payload.address, page) - payload.address;
    const std::uint64_t end = (payload.address + payload.size) / page * page - payload.address;
    if (!payload.alone || begin >= payload.size || end <= begin) continue;
    const FileRange range{.offset = payload.offset + begin, .size = end - begin};
    const auto load = load_around(elf, range);
    if (!load || !is_plain_data(elf, range)) continue;
    spans.push_back({.range = range,
                     .data_end = range.end(),
                     .address = payload.address + begin,
                     .load = *load,
                     .kept_end = range.offset,
                     .used_end = range.offset,
                     .zeros = !payload.unused});
  }
  return spans;
}

std::vector<Span> find_spans(const Elf& elf, const DeviceContents& fatbins, const CarvePlan& plan,
                             const PackedImages& packed) {
  return SpanFinder(elf, fatbins, plan, packed).find();
}

}  // namespace lathe
