// SPDX-License-Identifier: MIT
// A folder with installed packages (site-packages, a virtual environment, anything) for fewer GPUs: what
// carve_package does to it, told by package. In place each file is old or new at every moment, and a run that
// was killed is finished by the next one; or a new folder appears whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "carve/carve_package.h"
#include "device/driver_need.h"

namespace lathe {

struct ShrunkPackage {
  std::string name = {}, version = {};  // both "": the files that no RECORD lists
  std::size_t files = 0;
  std::uint64_t size_before = 0, size_after = 0;    // bytes
  std::size_t carved = 0;                           // libraries that lost something or were packed
  std::size_t images_before = 0, images_after = 0;  // of those
  std::size_t images_packed = 0, images_unpacked = 0;
  std::size_t stripped = 0;    // libraries whose symbol tables went
  std::size_t left_alone = 0;  // with device code, as they were
  std::size_t files_gone = 0;
  std::string gone_for = {};                    // "10.0a, 10.3a"
  std::optional<DriverNeed> least_driver = {};  // of all its code

  bool changed() const { return carved + files_gone != 0; }
};

struct Shrunk {
  std::vector<ShrunkPackage> packages;  // that have files, by name; the nameless last
  CarvedPackage carved;                 // the same by file, and what went wrong
  bool finished_earlier = false;        // a run in place that was killed
};

// `to`: the new folder, or `folder` itself: in place. Error when it is no folder, when another process
// changes it, or when a RECORD cannot be read.
Shrunk shrink(const std::filesystem::path& folder, const std::filesystem::path& to,
              CarvePackageOptions options);

}  // namespace lathe
