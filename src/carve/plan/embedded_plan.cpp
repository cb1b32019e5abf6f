// SPDX-License-Identifier: MIT
#include "carve/plan/embedded_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "device/contents.h"
#include "device/target.h"
#include "device/vendor.h"

namespace lathe {
namespace {

// Of all images that could go, ascending and disjoint by address.
class WrittenPayloads {
 public:
  explicit WrittenPayloads(std::vector<EmptiedPayload>& payloads) : payloads_(payloads) {
    std::ranges::sort(payloads_, {}, &EmptiedPayload::address);
    written_.resize(payloads_.size());
  }

  void look_at(std::uint64_t place) {
    const auto behind = std::ranges::upper_bound(payloads_, place, {}, &EmptiedPayload::address);
    if (behind == payloads_.begin()) return;
    const auto it = std::prev(behind);
    if (place - it->address < it->size) written_[static_cast<std::size_t>(it - payloads_.begin())] = true;
  }

  void drop() {
    std::size_t next = 0;
    std::erase_if(payloads_, [&](const EmptiedPayload&) { return written_[next++]; });
  }

 private:
  std::vector<EmptiedPayload>& payloads_;
  std::vector<bool> written_;
};

void add_container(const Elf& elf, const DeviceContainer& container, std::span<const CarveTarget> targets,
                   std::vector<EmptiedPayload>& out) {
  const auto goes = [&](const DeviceImage& image) {
    return image.kind == ImageKind::native && image.payload_size != 0 && !runs_on_some(image.code(), targets);
  };
  const bool alone = std::ranges::all_of(container.images, goes);
  for (const DeviceImage& image : container.images) {
    const auto address = elf.address_of(image.payload_offset());
    if (!goes(image) || !address) continue;
    out.push_back(
        {.offset = image.payload_offset(), .size = image.payload_size, .address = *address, .alone = alone});
  }
}

}  // namespace

bool runs_on_some(const TargetCode& code, std::span<const CarveTarget> targets) {
  return std::ranges::any_of(targets, [&](const CarveTarget& target) {
    return target.device.vendor == code.target.vendor && pick({&code, 1}, target.device).has_value();
  });
}

EmbeddedPlan plan_embedded(const Elf& elf, const EmbeddedCode& embedded,
                           std::span<const CarveTarget> targets) {
  EmbeddedPlan plan;
  if (targets.empty()) return plan;
  for (const DeviceContainer& container : embedded.containers)
    add_container(elf, container, targets, plan.emptied);
  if (plan.emptied.empty()) return plan;
  WrittenPayloads written(plan.emptied);
  elf.for_each_relocation([&](const ElfRelocation& relocation) { written.look_at(relocation.place); });
  written.drop();
  std::ranges::sort(plan.emptied, {}, &EmptiedPayload::offset);
  std::set<Target> gone;
  for (const DeviceContainer& container : embedded.containers) {
    for (const DeviceImage& image : container.images) {
      const auto it =
          std::ranges::lower_bound(plan.emptied, image.payload_offset(), {}, &EmptiedPayload::offset);
      if (it != plan.emptied.end() && it->offset == image.payload_offset()) gone.insert(image.target);
    }
  }
  plan.gone.assign(gone.begin(), gone.end());
  for (const EmptiedPayload& payload : plan.emptied) plan.bytes += payload.size;
  return plan;
}

std::string spell_all(std::span<const Target> targets) {
  std::string text;
  for (const Target target : targets) text += (text.empty() ? "" : ", ") + spell(target);
  return text;
}

}  // namespace lathe
