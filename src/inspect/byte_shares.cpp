// SPDX-License-Identifier: MIT
#include "inspect/byte_shares.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "device/vendor.h"

namespace lathe {
namespace {

ByteUse use_of(const ObjectSection& section) {
  switch (section.use) {
    case SectionUse::code: return ByteUse::code;
    case SectionUse::unwind: return ByteUse::unwind;
    case SectionUse::constants: return ByteUse::constants;
    case SectionUse::data: return ByteUse::data;
    case SectionUse::linking: return ByteUse::linking;
    case SectionUse::symbols: return ByteUse::symbols;
    case SectionUse::debug: return ByteUse::debug;
    case SectionUse::rest: break;
  }
  return ByteUse::rest;
}

ByteUse use_of_section(const ObjectSection& section) {
  switch (device_section(section.name)) {
    case DeviceSection::images: return ByteUse::gpu_code;
    case DeviceSection::linker: return ByteUse::gpu_relocatable;
    case DeviceSection::wrappers:
    case DeviceSection::none: break;
  }
  return use_of(section);
}

struct Extent {
  std::uint64_t begin = 0, end = 0;
  ByteUse use = ByteUse::rest;
};

bool wraps_around(const ObjectSection& section) { return section.offset + section.size < section.offset; }

std::vector<Extent> extents_of(const ObjectFile& object, const DeviceContents& contents) {
  std::vector<Extent> extents;
  const auto add = [&](std::uint64_t offset, std::uint64_t size, ByteUse use) {
    extents.push_back({.begin = offset, .end = offset + size, .use = use});
  };
  object.for_each_section([&](const ObjectSection& section) {
    if (section.size == 0 || wraps_around(section)) return;
    add(section.offset, section.size, use_of_section(section));
  });
  if (!extents.empty()) return extents;
  for (const DeviceRegion& region : contents.regions) add(region.offset, region.size, ByteUse::gpu_code);
  object.for_each_loaded_part([&](const ObjectSection& part) {
    if (!wraps_around(part)) add(part.offset, part.size, use_of(part));
  });
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
ByteShares byte_shares(const ObjectFile& object, const DeviceContents& contents,
                       const EmbeddedCode& embedded) {
  std::vector<Extent> extents = extents_of(object, contents);
  std::ranges::stable_sort(extents, {}, &Extent::begin);
  EmbeddedBytes as_data(embedded);
  ByteShares shares;
  std::uint64_t done = 0;
  std::uint64_t counted = 0;
  const std::uint64_t size = object.bytes().size();
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
