// SPDX-License-Identifier: MIT
#include "carve/plan/bundles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "device/target.h"
#include "device/vendor.h"

namespace lathe {
namespace {

bool is_packed(const DeviceContainer& container) {
  return std::ranges::any_of(
      container.images, [](const DeviceImage& image) { return image.compression == Compression::whole; });
}

bool runs_somewhere(const DeviceImage& image, std::span<const CarveTarget> targets) {
  return image.kind == ImageKind::native && runs_on_some(image.code(), targets);
}

bool is_emptied(const EmbeddedPlan& plan, const DeviceImage& image) {
  const auto it = std::ranges::lower_bound(plan.emptied, image.payload_offset(), {}, &EmptiedPayload::offset);
  return it != plan.emptied.end() && it->offset == image.payload_offset();
}

void count(const DeviceContainer& container, std::span<const CarveTarget> targets, BundlePlan& plan) {
  ++plan.totals.containers;
  const bool touched = container.understood && !is_packed(container);
  if (!touched) ++plan.totals.untouched;
  if (is_packed(container)) ++plan.packed;
  bool serves = false;
  for (const DeviceImage& image : container.images) {
    ++plan.totals.images;
    plan.totals.bytes += image.size();
    serves = serves || runs_somewhere(image, targets);
  }
  if (serves) ++plan.serving;
  else ++plan.totals.unserved;
}

// After what goes is known: relocations into an image keep it.
void make_list(const Elf& elf, const DeviceContainer& container, const Vendor& vendor, BundlePlan& plan) {
  std::vector<bool> keep;
  for (const DeviceImage& image : container.images) keep.push_back(!is_emptied(plan.emptied, image));
  if (std::ranges::all_of(keep, [](bool stays) { return stays; })) return;
  if (auto list = vendor.list_of(elf.bytes(), container, keep))
    plan.lists.push_back({.address = container.address, .bytes = std::move(*list)});
}

const DeviceContainer* container_at(const DeviceContents& contents, std::uint64_t address) {
  const auto it = std::ranges::find(contents.containers, address, &DeviceContainer::address);
  return it == contents.containers.end() ? nullptr : &*it;
}

bool same_bytes(const Elf& one, const DeviceImage& first, const Elf& other, const DeviceImage& second) {
  if (first.target != second.target || first.kind != second.kind || first.size() != second.size())
    return false;
  const ByteSpan a = ByteReader(one.bytes()).at(first.offset, first.size());
  const ByteSpan b = ByteReader(other.bytes()).at(second.offset, second.size());
  return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string check_one(const Elf& old_file, const DeviceContainer& old, const Elf& carved,
                      const DeviceContainer& now, std::span<const CarveTarget> targets) {
  std::size_t next = 0;
  for (const DeviceImage& image : old.images) {
    const bool there = next < now.images.size() && same_bytes(old_file, image, carved, now.images[{next}]);
    if (there) ++next;
    else if (image.kind != ImageKind::native || runs_somewhere(image, targets))
      return fmt::format("lost its image for {}", spell(image.code()));
  }
  return next == now.images.size() && now.understood ? "" : "lists an image that was not there";
}

bool all_zeros(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte one) { return one == std::byte{0}; });
}

// So that a run of images that go is one hole of the file, not many.
void join(const Elf& elf, BundlePlan& plan) {
  constexpr std::uint64_t widest = 64 << 10;
  for (const EmptiedPayload& payload : plan.emptied.emptied) {
    EmptiedPayload* last = plan.joined.empty() ? nullptr : &plan.joined.back();
    const std::uint64_t end = last ? last->offset + last->size : 0, gap = payload.offset - end;
    const bool together =
        last && gap < widest && payload.address - last->address == payload.offset - last->offset;
    if (!together || !all_zeros(elf.bytes().subspan(end, gap))) {
      plan.joined.push_back(payload);
      continue;
    }
    if (gap > 0) plan.gaps.push_back({.address = last->address + last->size, .size = gap});
    last->size = payload.offset + payload.size - last->offset;
  }
  const auto largest = std::ranges::max_element(plan.joined, {}, &EmptiedPayload::size);
  if (largest != plan.joined.end()) largest->unused = true;  // the one that hosts the program header table
}

}  // namespace

BundlePlan plan_bundles(const Elf& elf, const DeviceContents& contents,
                        std::span<const CarveTarget> targets) {
  BundlePlan plan;
  for (const DeviceContainer& container : contents.containers) {
    count(container, targets, plan);
    if (container.understood && container.address != 0 && !is_packed(container))
      plan.code.containers.push_back(container);
  }
  plan.emptied = plan_embedded(elf, plan.code, targets);
  for (EmptiedPayload& payload : plan.emptied.emptied) payload.alone = true;  // the list leads to the others
  join(elf, plan);
  for (const DeviceContainer& container : plan.code.containers)
    make_list(elf, container, *contents.vendor, plan);
  plan.kept = contents;
  for (DeviceContainer& container : plan.kept.containers)
    std::erase_if(container.images,
                  [&](const DeviceImage& image) { return is_emptied(plan.emptied, image); });
  plan.totals.bytes_kept = plan.totals.bytes - plan.emptied.bytes;
  plan.totals.bytes_minimal = plan.totals.bytes_kept;
  plan.totals.images_kept = plan.totals.images - plan.emptied.emptied.size();
  return plan;
}

std::vector<std::string> check_bundles(const Elf& old_file, const BundlePlan& plan, const Elf& carved,
                                       std::span<const CarveTarget> targets) {
  const DeviceContents now = read_device_code(carved);
  std::vector<std::string> wrong;
  for (const DeviceContainer& container : plan.code.containers) {
    const DeviceContainer* same = container_at(now, container.address);
    const std::string problem =
        same ? check_one(old_file, container, carved, *same, targets) : "is not there any more";
    if (!problem.empty()) wrong.push_back(fmt::format("the bundle at {:#x} {}", container.address, problem));
  }
  return wrong;
}

}  // namespace lathe
