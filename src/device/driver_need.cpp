// SPDX-License-Identifier: MIT
#include "device/driver_need.h"

#include <array>
#include <string_view>

namespace lathe {
namespace {

// CUDA 12.4's; an older one calls a zstd image "device kernel image is invalid" (docs/formats/fatbin.md).
constexpr std::string_view first_with_zstd = "550.54.14";

// Of the toolkit that brought a version of PTX, where the numbers differ (PTX ISA, release history).
struct PtxRelease {
  std::string_view ptx, cuda;
};
constexpr std::array<PtxRelease, 2> ptx_releases = {{{"8.7", "12.8"}, {"8.8", "12.9"}}};

// PTX 9.0 came with CUDA 13.0, 9.1 with 13.1, and so on.
std::optional<Version> toolkit_of_ptx(const std::string& ptx) {
  for (const PtxRelease& release : ptx_releases) {
    if (release.ptx == ptx) return Version::parse(release.cuda);
  }
  auto version = Version::parse(ptx);
  if (!version || version->parts.size() != 2 || version->parts[0] != 9) return std::nullopt;
  version->parts[0] = 13;
  return version;
}

const Toolkit* known(const std::optional<Version>& toolkit) {
  return toolkit ? catalog().find_toolkit(*toolkit) : nullptr;
}

}  // namespace

std::optional<DriverNeed> driver_need(bool zstd, std::span<const std::string> toolkits,
                                      std::span<const std::string> ptx) {
  std::optional<DriverNeed> need;
  const auto ask = [&](const Version& version, const std::string& because) {
    if (!need || need->version < version) need = DriverNeed{.version = version, .because = because};
  };
  for (const std::string& toolkit : toolkits) {
    if (const Toolkit* row = known(Version::parse(toolkit))) ask(row->minimum_driver, "CUDA " + toolkit);
  }
  for (const std::string& version : ptx) {
    if (const Toolkit* row = known(toolkit_of_ptx(version))) ask(row->paired_driver, "PTX " + version);
  }
  if (zstd) ask(*Version::parse(first_with_zstd), "zstd");
  return need;
}

}  // namespace lathe
