// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "carve/carve.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "device/target.h"
#include "device/vendor.h"

namespace lathe {
namespace {

// Where no linked code fits, the driver links the relocatable containers again.
bool can_relink(const DeviceContents& fatbins) {
  const bool linked = std::ranges::any_of(
      fatbins.containers, [&](const DeviceContainer& container) { return fatbins.is_linked(container); });
  return linked && fatbins.vendor && !fatbins.vendor->relinkable(fatbins).empty();
}

}  // namespace

std::string held_architectures(const DeviceContents& fatbins, const CarvePlan* plan) {
  std::set<std::pair<ImageKind, Target>> held;
  const bool relinks = can_relink(fatbins);
  for (const ContainerIndex i : fatbins.containers.ids()) {
    const DeviceContainer& container = fatbins.containers[i];
    for (const ImageIndex k : container.images.ids()) {
      const DeviceImage& image = container.images[k];
      if (!image.is_code()) continue;
      if (container.relocatable && !relinks) continue;
      if (plan && std::ranges::find(plan->containers[i].keep, k) == plan->containers[i].keep.end()) continue;
      held.insert({image.kind, image.target});
    }
  }
  std::string text;
  for (const auto& [kind, target] : held)
    text += (text.empty() ? "" : ", ") + describe({.target = target, .kind = kind});
  return text;
}

}  // namespace lathe
