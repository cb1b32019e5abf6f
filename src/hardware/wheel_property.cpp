// SPDX-License-Identifier: MIT
// Sources: PEP 825 (syntax, label); nvidia-variant-provider 0.0.2 (cuda_version_lower_bound, sm_arch);
// x86-64 levels: the System V ABI for x86-64; provider-variant-x86-64 and -aarch64 (level, version, one
// feature each with the value "on").
#include "hardware/wheel_property.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {
namespace {

constexpr std::array<std::string_view, 7> level2 = {"cx16",   "lahf_lm", "popcnt", "pni",
                                                    "sse4_1", "sse4_2",  "ssse3"};
constexpr std::array<std::string_view, 9> level3 = {"avx", "avx2", "bmi1",  "bmi2", "f16c",
                                                    "fma", "abm",  "movbe", "xsave"};
constexpr std::array<std::string_view, 5> level4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq",
                                                    "avx512vl"};

bool all_in(std::span<const std::string_view> wanted, std::span<const std::string> features) {
  return std::ranges::all_of(
      wanted, [&](std::string_view name) { return std::ranges::find(features, name) != features.end(); });
}

// Levels of whole machines ask for more than a build's flags turn on (avx2 builds use no BMI), so a build
// names the features themselves.
void add_cpu(std::vector<WheelProperty>& out, const Isa& isa) {
  const std::string space(to_string(isa.machine));
  for (const std::string& feature : isa.cpuinfo) out.push_back({space, feature, "on"});
}

}  // namespace

std::string sm_arch_value(const DeviceCode& code) {
  return fmt::format("{}_{}", spell(code.capability, Dialect::cmake),
                     code.kind == CodeKind::ptx ? "virtual" : "real");
}

int x86_level(std::span<const std::string> features) {
  if (!all_in(level2, features)) return 1;
  if (!all_in(level3, features)) return 2;
  return all_in(level4, features) ? 4 : 3;
}

std::vector<WheelProperty> properties_of_build(std::span<const DeviceCode> code,
                                               const std::optional<Version>& cuda, const Isa* isa) {
  std::vector<WheelProperty> out;
  if (!code.empty() && cuda && cuda->parts.size() >= 2) {
    out.push_back(
        {"nvidia", "cuda_version_lower_bound", fmt::format("{}.{}", cuda->parts[0], cuda->parts[1])});
  }
  for (const DeviceCode& each : code) out.push_back({"nvidia", "sm_arch", sm_arch_value(each)});
  if (isa) add_cpu(out, *isa);
  return out;
}

std::string wheel_label(std::span<const DeviceCode> code, const Isa* isa) {
  std::string label;
  for (const DeviceCode& each : code) {
    const std::string name = spell(each.capability, Dialect::name);
    const bool is_ptx = each.kind == CodeKind::ptx;
    if (!is_ptx || !label.ends_with(name)) label += (label.empty() ? "" : "_") + name;
    if (is_ptx) label += "ptx";
  }
  if (label.empty()) label = "cpu";
  return isa ? label + "_" + isa->name : label;
}

}  // namespace lathe
