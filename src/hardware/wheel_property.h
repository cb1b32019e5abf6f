// SPDX-License-Identifier: MIT
// Properties of wheel variants (PEP 817, PEP 825): "namespace :: feature :: value", as the providers of the
// names nvidia, x86_64 and aarch64 define them. A wheel states what it is built for; an installer holds that
// against what the machine supports: each feature that a wheel names needs one value that the machine has.
// Knows spelling and what a build states; what a machine supports is host/host_properties.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/catalog.h"
#include "hardware/compat.h"

namespace lathe {

struct WheelProperty {
  std::string space;    // "nvidia"
  std::string feature;  // "sm_arch"
  std::string value;    // "90_real"

  std::string text() const { return space + " :: " + feature + " :: " + value; }
  bool operator==(const WheelProperty&) const = default;
};

// What a build of this code for this CPU states. sm_arch has a value for each architecture: cubins are
// "real", PTX is "virtual". `isa` may be nullptr.
std::vector<WheelProperty> properties_of_build(std::span<const DeviceCode> code,
                                               const std::optional<Version>& cuda, const Isa* isa);

// The value of sm_arch: "90_real", "120_virtual".
std::string sm_arch_value(const DeviceCode& code);

// The highest x86-64 level (1 to 4) whose features, by /proc/cpuinfo's names, are all among these.
int x86_level(std::span<const std::string> features);

// A label for the wheel's file name: "sm120_avx512", "sm90ptx". Letters, digits, _ and . are allowed there.
std::string wheel_label(std::span<const DeviceCode> code, const Isa* isa);

}  // namespace lathe
