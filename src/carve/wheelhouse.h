// SPDX-License-Identifier: MIT
// A wheelhouse, a folder of wheels as `pip download` and `pip wheel` fill it, for fewer GPUs: a new folder in
// which each wheel is carved or, where nothing of it changes, is the old one. It appears whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/finding.h"
#include "carve/carve_package.h"

namespace lathe {

struct CarvedWheel {
  std::string path = {};      // in the old folder
  std::string new_path = {};  // in the new one; "" where none was written
  std::uint64_t old_size = 0, new_size = 0;
  CarvedPackage carved = {};  // with what went wrong: the old wheel goes over then

  bool is_carved() const {
    return carved.failures.empty() && (carved.count(Outcome::carved) != 0 || carved.loose.files != 0);
  }
};

struct CarvedWheelhouse {
  std::vector<CarvedWheel> wheels = {};  // by path
  std::size_t other_files = 0;           // that are no wheels: as they were
  std::uint64_t old_size = 0, new_size = 0;
  std::filesystem::path path = {};  // of the new folder; "" where nothing was written
  Findings failures = {};           // of the whole

  bool fault() const;  // one of the failures is the machine's
};

// Wheels lie in it, and below it no library or program.
bool is_wheelhouse(const std::filesystem::path& folder);

// `to`: nothing is there. A dry run writes nothing. Error when something is there, or the folder cannot be
// read. Where some wheels hold code and none for any target nothing is written: a failure.
CarvedWheelhouse carve_wheelhouse(const std::filesystem::path& folder, const std::filesystem::path& to,
                                  const CarvePackageOptions& options);

}  // namespace lathe
