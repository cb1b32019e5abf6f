// SPDX-License-Identifier: MIT
#include "inspect/image_skipper.h"

#include <algorithm>

namespace lathe {
namespace {

// As sections of fat binaries, or inside containers that are kept as data and whose structure holds.
bool all_in_fat_binaries(ByteSpan file, const ByteRanges& absent) {
  const Elf elf = Elf::parse(file, "");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> known;
  for (const ElfSection& section : elf.sections()) {
    if (section.name != ".nv_fatbin" && section.name != "__nv_relfatbin") continue;
    known.emplace_back(section.offset, section.offset + section.size);
  }
  const auto inside = [&](const auto& range) {
    const auto after =
        std::ranges::upper_bound(known, range.first, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    return after != known.begin() && std::prev(after)->second >= range.second;
  };
  std::ranges::sort(known);
  if (std::ranges::all_of(absent, inside)) return true;
  for (const FatbinContainer& container : find_embedded(elf, read_fatbins(elf), nullptr, 1).containers) {
    known.emplace_back(container.offset, container.end());
  }
  std::ranges::sort(known);
  return std::ranges::all_of(absent, inside);
}

}  // namespace

ByteRange ImageSkipper::ahead(ByteSpan memory, std::uint64_t filled) {
  if (!Elf::looks_like(memory)) return {0, 0};
  memory_ = memory;
  filled_ = filled;
  ahead_ = {0, 0};
  for (bool moved = true; moved;) moved = in_container_ ? next_entry() : next_container();
  return ahead_;
}

bool ImageSkipper::was_right(ByteSpan memory, const ByteRanges& absent) {
  return all_in_fat_binaries(memory, absent);
}

bool ImageSkipper::next_container() {
  constexpr std::uint64_t first_eight = 0x00100001'BA55ED50;
  const ByteReader reader(memory_);
  for (; at_ + 16 <= filled_; at_ += 8) {
    if (reader.read_at<std::uint64_t>(at_) != first_eight) continue;
    const auto size = reader.read_at<std::uint64_t>(at_ + 8);
    at_ += 16;
    if (size > memory_.size() - at_) continue;
    container_end_ = at_ + size;
    in_container_ = true;
    return true;
  }
  return false;
}

bool ImageSkipper::next_entry() {
  if (at_ + 64 > filled_ && at_ < container_end_) return false;
  const ByteReader reader(memory_);
  const std::uint64_t left = container_end_ - at_;
  const std::uint64_t header = left < 64 ? 0 : reader.read_at<std::uint32_t>(at_ + 4);
  const std::uint64_t payload = left < 64 ? 0 : reader.read_at<std::uint64_t>(at_ + 8);
  // the end, or damage: look for another container
  if (header < 64 || header > left || payload > left - header) {
    at_ = (at_ + 7) & ~std::uint64_t{7};
    in_container_ = false;
    return true;
  }
  const std::uint64_t begin = std::max(at_ + header, filled_);
  const bool compressed = reader.read_at<std::uint32_t>(at_ + 16) != 0;
  const std::uint64_t unpacked = compressed ? reader.read_at<std::uint64_t>(at_ + 56) : payload;
  at_ += header + payload;
  if (unpacked > largest_sampled_image && begin < at_) ahead_ = {begin, at_};
  return true;
}

}  // namespace lathe
