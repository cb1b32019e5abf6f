// SPDX-License-Identifier: MIT
#include "carve/plan/linked.h"

#include <algorithm>

#include "device/vendor.h"

namespace lathe {
namespace {

bool is_native(const TargetCode& code) { return code.kind == ImageKind::native; }

// LTO IR too is input of the device linker.
bool is_linker_input(const DeviceImage& image) { return image.is_code() || image.kind == ImageKind::link_ir; }

bool is_known(const DeviceContents& contents, const DeviceContainer& container) {
  if (!container.understood || !container.wrapper) return false;
  const bool linked = contents.is_linked(container);
  if (container.relocatable) return !linked && std::ranges::all_of(container.images, is_linker_input);
  return !linked || container.is_known();
}

bool all_known(const DeviceContents& contents, std::span<const ContainerIndex> referenced) {
  if (!contents.all_linked) return false;
  return std::ranges::all_of(contents.containers.ids(), [&](ContainerIndex i) {
    const DeviceContainer& container = contents.containers[i];
    if (!container.relocatable && !contents.is_linked(container)) return true;  // stands for itself
    return is_known(contents, container) && !std::ranges::binary_search(referenced, i);
  });
}

// Does every linked container have machine code for it?
bool runs_linked(const DeviceContents& contents, Target device) {
  return std::ranges::all_of(contents.containers, [&](const DeviceContainer& container) {
    return !contents.is_linked(container) ||
           pick_among(container.code().codes, device, is_native).has_value();
  });
}

// Is there anything at all that could become code for it?
bool may_relink(const DeviceContents& contents, Target device) {
  return std::ranges::any_of(contents.containers, [&](const DeviceContainer& container) {
    return container.relocatable && pick(container.code().codes, device).has_value();
  });
}

}  // namespace

LinkedCode::LinkedCode(const DeviceContents& contents, std::span<const ContainerIndex> referenced,
                       std::span<const CarveTarget> targets)
    : may_be_carved_(all_known(contents, referenced)) {
  if (contents.vendor) relinkable_ = contents.vendor->relinkable(contents);
  for (const CarveTarget& target : targets) {
    if (!target.ptx && runs_linked(contents, target.device)) continue;
    if (may_relink(contents, target.device)) relinking_.push_back({.device = target.device, .ptx = true});
  }
}

bool LinkedCode::relinks_for(Target device) const { return pick(relinkable_, device).has_value(); }

std::vector<ImageIndex> LinkedCode::keep(const DeviceContainer& container, bool minimal) const {
  std::vector<ImageIndex> keep;
  if (relinking_.empty()) return keep;
  const ContainerCode code = container.code();
  for (const std::size_t kept : codes_to_keep(code.codes, relinking_, minimal))
    keep.push_back(code.image[kept]);
  for (const ImageIndex i : container.images.ids()) {
    if (!container.images[i].is_code()) keep.push_back(i);
  }
  std::ranges::sort(keep);
  return keep;
}

}  // namespace lathe
