// SPDX-License-Identifier: MIT
// The roots of an index over carved wheels: one for each GPU, where a wheel keeps its name and version; one
// of all, where the GPU is in the version (2.15.0+sm90); one of wheel variants (PEP 825). Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "carve/plan/plan.h"
#include "package/wheel_names.h"

namespace lathe {

// What of a wheel's name says for which GPU it was carved.
enum class Naming {
  same,     // nothing: the root does
  local,    // the local version
  variant,  // the label of a variant
};
std::string_view to_string(Naming naming);

struct Root {
  std::string path;  // before "simple/": "sm90/", "", "variants/"
  Naming naming = Naming::same;
  std::optional<CarveTarget> target = {};  // of a root for one GPU
};

// "sm90", "sm90ptx": the name of a target in addresses, local versions and labels.
std::string gpu_name(const CarveTarget& target);

// One for each GPU, that of all, that of variants. Error for no GPU, and for the same one twice.
std::vector<Root> roots_for(std::span<const CarveTarget> targets);

// What the wheel is called once it is carved.
WheelName carved_name(const WheelName& name, const CarveTarget& target, Naming naming);

}  // namespace lathe
