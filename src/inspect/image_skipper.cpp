// SPDX-License-Identifier: MIT
#include "inspect/image_skipper.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "formats/object_file.h"

namespace lathe {
namespace {

// As sections of fat binaries, or inside containers that are kept as data and whose structure holds.
bool all_in_fat_binaries(ByteSpan file, const ByteRanges& absent) {
  const ObjectFormat* format = object_format(file);
  if (!format) return false;
  const auto object = format->open(file, "");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> known;
  object->for_each_section([&](const ObjectSection& section) {
    const DeviceSection role = device_section(section.name);
    if (role == DeviceSection::images || role == DeviceSection::linker)
      known.emplace_back(section.offset, section.offset + section.size);
  });
  const auto inside = [&](const auto& range) {
    const auto after =
        std::ranges::upper_bound(known, range.first, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    return after != known.begin() && std::prev(after)->second >= range.second;
  };
  std::ranges::sort(known);
  if (std::ranges::all_of(absent, inside)) return true;
  const EmbeddedCode embedded = find_embedded(*object, read_device_code(*object), nullptr, 1);
  for (const DeviceContainer& container : embedded.containers) {
    known.emplace_back(container.offset, container.end());
  }
  std::ranges::sort(known);
  return std::ranges::all_of(absent, inside);
}

}  // namespace

ImageSkipper::ImageSkipper() {
  for (const Vendor* vendor : vendors()) {
    if (auto stream = vendor->stream()) images_.push_back(std::move(stream));
  }
}

// One run at a time: the one that reaches farthest.
ByteRange ImageSkipper::ahead(ByteSpan memory, std::uint64_t filled) {
  if (!object_format(memory)) return {0, 0};
  ByteRange ahead = {0, 0};
  for (const auto& images : images_) {
    while (const auto image = images->next(memory, filled)) {
      const std::uint64_t begin = std::max(image->begin, filled);
      if (image->unpacked_size <= largest_sampled_image || begin >= image->end) continue;
      if (image->end > ahead.second) ahead = {begin, image->end};
    }
  }
  return ahead;
}

bool ImageSkipper::was_right(ByteSpan memory, const ByteRanges& absent) {
  return all_in_fat_binaries(memory, absent);
}

}  // namespace lathe
