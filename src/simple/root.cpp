// SPDX-License-Identifier: MIT
#include "simple/root.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/error.h"
#include "carve/plan/no_gpu.h"
#include "carve/wheel_variant.h"

namespace lathe {

std::string_view to_string(Naming naming) {
  switch (naming) {
    case Naming::same: return "same";
    case Naming::local: return "local";
    case Naming::variant: return "variant";
  }
  return "";
}

std::string gpu_name(const CarveTarget& target) {
  return version_for("0", std::span(&target, 1)).substr(2);  // behind "0+"
}

std::vector<Root> roots_for(std::span<const CarveTarget> targets) {
  if (targets.empty() || is_no_gpu(targets))
    throw Error({.what = "for which GPUs?", .next = "say --gpu 8.6,9.0: each gets a root of its own"});
  std::vector<Root> roots;
  std::set<std::string> seen;
  for (const CarveTarget& target : targets) {
    if (!seen.insert(gpu_name(target)).second) continue;
    roots.push_back({.path = gpu_name(target) + "/", .naming = Naming::same, .target = target});
  }
  roots.push_back({.path = "", .naming = Naming::local});
  roots.push_back({.path = "variants/", .naming = Naming::variant});
  return roots;
}

WheelName carved_name(const WheelName& name, const CarveTarget& target, Naming naming) {
  WheelName now = name;
  if (naming == Naming::local) now.version = version_for(name.version, std::span(&target, 1));
  if (naming == Naming::variant) now.variant = variant_label("auto", std::span(&target, 1));
  return now;
}

}  // namespace lathe
