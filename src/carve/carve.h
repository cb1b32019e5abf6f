// SPDX-License-Identifier: MIT
// Carves one file: plan, rewrite beside, check, rename. Folders are tree.h, wheels wheel.h.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/finding.h"
#include "carve/plan.h"

namespace lathe {

struct CarveOptions {
  std::vector<CarveTarget> targets = {};
  bool minimal = false;        // plan.h
  bool require_full = false;   // a container with nothing for a target is an error
  bool strip_symbols = false;  // drop what `strip` would
  bool dry_run = false;        // plan only
};

enum class Outcome {
  carved,
  nothing_to_drop,  // device code, all of it wanted
  no_device_code,
  left_alone,       // tree.h: one of NVIDIA's own files, or it serves no target
};
std::string_view to_string(Outcome outcome);

struct CarvedFile {
  std::string path;  // as given
  Outcome outcome = Outcome::no_device_code;
  std::uint64_t old_size = 0, new_size = 0;
  CarveTotals totals = {};
  std::vector<std::pair<Untouched, std::size_t>> untouched = {};  // containers that were left as they are, by reason
  std::optional<std::string> old_architectures = {}, new_architectures = {};  // PyTorch's baked-in list
  Findings notes = {};
};

// What the file would become; writes nothing. Error when it holds code, but none for any target.
CarvedFile plan_file(const std::filesystem::path& source, const CarveOptions& options);

// Writes the carved file to `destination`; when that is `source` itself, in its place, with owner, times and attributes
// kept. Where there is nothing to drop, `destination` becomes a copy, and a file in place is not touched.
CarvedFile carve_file(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const CarveOptions& options);

// "7.5, 8.0, 9.0a, PTX 12.0": what the file holds, for messages.
std::string held_architectures(const Fatbins& fatbins);

}  // namespace lathe
