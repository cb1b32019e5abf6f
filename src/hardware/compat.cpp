// SPDX-License-Identifier: MIT
// Device code, toolkits, drivers and instruction sets; judge_pair is in compat_pairs.cpp.
#include "hardware/compat.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "hardware/capability.h"

namespace lathe {
namespace {

std::string dotted(Capability capability) { return spell(capability, Dialect::dotted); }

bool is_tegra(Capability capability) {
  const CapabilityRow* row = catalog().find(capability);
  return row && row->tegra;
}

bool same_major_not_above(Capability code, Capability device) {
  return code.major == device.major && code.minor <= device.minor;
}

bool cubin_runs_on(Capability code, Capability device) {
  if (code.portable() == device) return true;
  if (code.suffix == 'a' || is_tegra(code) || is_tegra(device)) return false;
  return same_major_not_above(code, device);
}

bool ptx_runs_on(Capability code, Capability device) {
  if (code.suffix == 'a') return code.portable() == device;
  if (code.suffix == 'f') return same_major_not_above(code, device);
  return code <= device;
}

enum Match { ptx, lower_minor, family, exact, specific };

Match match_of(const DeviceCode& code, Capability device) {
  if (code.kind == CodeKind::ptx) return ptx;
  if (code.capability.suffix == 'a') return specific;
  if (code.capability.suffix == 'f') return family;
  return code.capability.portable() == device ? exact : lower_minor;
}

int rank_of_suffix(char suffix) {
  if (suffix == 'a') return 2;
  return suffix == 'f' ? 1 : 0;
}

// How much the driver likes code that runs on the device: by the kind of match, then by nearness, then by
// suffix.
std::tuple<int, Capability, int> preference(const DeviceCode& code, Capability device) {
  return {match_of(code, device), code.capability.portable(), rank_of_suffix(code.capability.suffix)};
}

Version release_of(const Version& toolkit) {
  Version release = toolkit;
  if (release.parts.size() > 2) release.parts.resize(2);
  return release;
}

// The first toolkit that compiles for it with this suffix; nullopt: none does.
std::optional<Version> first_toolkit(const CapabilityRow& row, char suffix) {
  if (suffix == 'a') return row.specific_since;
  if (suffix == 'f') return row.family_since;
  return row.first_cuda;
}

std::string why_no_such_suffix(Capability capability) {
  const auto& rows = catalog().capabilities;
  const auto first = std::ranges::find_if(
      rows, [&](const CapabilityRow& row) { return first_toolkit(row, capability.suffix).has_value(); });
  return fmt::format("no CUDA toolkit compiles for {}: {} code begins with {}", dotted(capability),
                     capability.suffix == 'a' ? "architecture-specific" : "family",
                     first == rows.end() ? "no capability" : dotted(first->capability));
}

// "; CUDA 12.8 calls it 10.1" when devices of this capability had another name under this toolkit, else "".
std::string older_name_hint(Capability capability, const Version& toolkit) {
  for (const CapabilityRow& row : catalog().capabilities) {
    const Capability old{row.capability.major, row.capability.minor, capability.suffix};
    if (row.now_called == capability.portable() && why_not_compilable(old, toolkit).empty()) {
      return fmt::format("; CUDA {} calls it {}", toolkit.text(), dotted(old));
    }
  }
  return "";
}

}  // namespace

bool runs_on(const DeviceCode& code, Capability device) {
  return code.kind == CodeKind::cubin ? cubin_runs_on(code.capability, device)
                                      : ptx_runs_on(code.capability, device);
}

std::optional<std::size_t> pick(std::span<const DeviceCode> codes, Capability device) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (!runs_on(codes[i], device)) continue;
    if (!best || preference(codes[*best], device) < preference(codes[i], device)) best = i;
  }
  return best;
}

std::string why_not_compilable(Capability capability, const Version& toolkit) {
  const CapabilityRow* row = catalog().find(capability);
  const Version release = release_of(toolkit);
  if (!row) return fmt::format("no CUDA toolkit in the catalogue compiles for {}", dotted(capability));
  const auto first = first_toolkit(*row, capability.suffix);
  if (!first) return why_no_such_suffix(capability);
  if (release < *first) {
    return fmt::format("CUDA {} cannot compile for {}: the first toolkit that can is {}{}", toolkit.text(),
                       dotted(capability), first->text(), older_name_hint(capability, toolkit));
  }
  if (!row->last_cuda || release <= *row->last_cuda) return "";
  if (row->now_called) {
    return fmt::format("CUDA {} cannot compile for {}: after CUDA {} it is called {}", toolkit.text(),
                       dotted(capability), row->last_cuda->text(),
                       dotted({row->now_called->major, row->now_called->minor, capability.suffix}));
  }
  return fmt::format("CUDA {} cannot compile for {}: the last toolkit that can is {}", toolkit.text(),
                     dotted(capability), row->last_cuda->text());
}

std::string why_pytorch_refuses(Capability capability, const Version& toolkit, std::string_view pytorch,
                                const std::optional<std::string>& suffixes) {
  const PytorchRelease* row = catalog().find_pytorch(pytorch);
  if (row && row->last_cuda && release_of(toolkit) > *row->last_cuda) {
    return fmt::format("PyTorch {} does not build with CUDA {}: the last that it builds with is {}",
                       row->release, toolkit.text(), row->last_cuda->text());
  }
  if (!capability.suffix || (!suffixes && !row)) return "";
  const std::string& taken = suffixes ? *suffixes : row->suffixes;
  if (taken.find(capability.suffix) != std::string::npos) return "";
  return fmt::format(
      "PyTorch {}'s select_compute_arch.cmake refuses {}: {}", row ? row->release : std::string(pytorch),
      dotted(capability),
      taken.empty() ? "it takes no suffix" : fmt::format("of the suffixes it takes {} alone", taken));
}

Version minimum_driver(Capability capability, const Version& toolkit, bool ptx) {
  const Toolkit* row = catalog().find_toolkit(release_of(toolkit));
  if (!row) {
    throw Error({.what = fmt::format("CUDA {} is not in the catalogue", toolkit.text()),
                 .next = fmt::format("it knows {} to {}", catalog().toolkits.front().version.text(),
                                     catalog().toolkits.back().version.text())});
  }
  Version floor = row->minimum_driver;
  if (const CapabilityRow* known = catalog().find(capability)) floor = std::max(floor, known->first_driver);
  return ptx ? std::max(floor, row->paired_driver) : floor;
}

bool isa_runs_on(const Isa& built, const Isa& offered) {
  return built.name == offered.name ||
         std::ranges::find(offered.includes, built.name) != offered.includes.end();
}

}  // namespace lathe
