// SPDX-License-Identifier: MIT
// Carves one file: plan, rewrite beside, check, rename. Packages are carve_package.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "inspect/inspect.h"
#include "carve/plan/plan.h"
#include "device/contents.h"
#include "device/driver_need.h"
#include "hardware/catalog.h"
#include "os/new_file.h"
#include "package/package.h"

namespace lathe {

struct CarvedFile;

struct CarveOptions {
  std::vector<CarveTarget> targets = {};     // none: no code is dropped
  bool minimal = false;                      // plan.h
  bool keep_special = false;                 // plan.h
  bool require_full = false;                 // a container with nothing for a target is an error
  bool strip_symbols = false;                // drop what `strip` would
  Compression compress = Compression::none;  // pack images that lie unpacked; none: leave them
  bool unpack = false;                       // unpack images that lie packed; not with `compress`
  std::optional<Version> driver = {};  // that the result is for: one that asks for a newer one is a finding
  bool dry_run = false;                // plan only
  bool hash = false;                   // tell the SHA-256 of what was carved
  bool copy_unchanged = true;          // where there is nothing to drop, the destination becomes a copy
  bool synced = true;                  // in place: the new file is on the disk before the old one is gone
  bool arch_list_alone = false;  // shorten PyTorch's list also in a file that holds no device code itself
  // A file with code, but none for any target: nothing is written; it goes over as it is; it is emptied.
  // Damaged: an Error, or it goes over as it is.
  enum class NoTarget { refuse, leave, empty } no_target = NoTarget::refuse;
  // Device code that is data: which libraries may lose what no target runs. `known`: those that were run so
  // on a GPU (nvidia_libraries.h).
  enum class Embedded { keep, known, all } embedded = Embedded::known;
  std::string leave_because = {};  // if not empty: touch nothing, and say this
  // In place: called before the new file is written, which then takes the old one's place.
  std::function<void(const CarvedFile&)> before_replacing = {};
  // Called when the new file is written and checked: the runs of it that are the old one's bytes.
  std::function<void(std::vector<CopyRun>)> kept_runs = {};
};

enum class Outcome {
  carved,
  nothing_to_drop,  // device code, all of it wanted
  no_device_code,
  left_alone,  // carve_package.h: one of NVIDIA's own files, or it serves no target
};
std::string_view to_string(Outcome outcome);

struct CarvedFile {
  std::string path;  // as given
  Outcome outcome = Outcome::no_device_code;
  std::uint64_t old_size = 0, new_size = 0;
  CarveTotals totals = {};
  std::size_t images_packed = 0, images_unpacked = 0;
  bool stripped = false;                                   // its symbol tables went
  std::optional<DriverNeed> least_driver = {};             // of what is kept, as it is stored then
  std::size_t embedded = 0;                                // containers and images kept as data
  std::uint64_t embedded_bytes = 0, embedded_dropped = 0;  // of them; of these what is emptied
  // containers that were left as they are, by reason
  std::vector<std::pair<Untouched, std::size_t>> untouched = {};
  std::string old_held = {}, new_held = {};  // "8.0, 9.0, PTX 9.0": the code in it
  std::string old_sha256 = {};
  bool serves_no_target = false;  // holds code, and none for any target
  std::optional<std::string> old_architectures = {}, new_architectures = {};  // PyTorch's baked-in list
  Findings notes = {};
};

// What the file would become; writes nothing. A target that it has no code for is among the notes, as an
// error.
CarvedFile plan_file(const std::filesystem::path& source, const CarveOptions& options);

// A library that is not a file, and of which not all need be there: images of fat binaries may read as zeros.
struct LibraryInMemory {
  std::string path;  // as shown
  ByteSpan bytes;
  ByteRanges absent = {};
  std::string sha256 = {};  // of the whole, in hexadecimal, where CarveOptions::hash asks for it
};
CarvedFile plan_library(const LibraryInMemory& library, const CarveOptions& options);

// Writes the carved file to `destination`; when that is `source` itself, in its place, with owner, times and
// attributes kept. Where there is nothing to drop, `destination` becomes a copy if that is asked for, and a
// file in place is not touched. Folders on the way to `destination` are made.
CarvedFile carve_file(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const CarveOptions& options);

// "7.5, 8.0, 9.0a, PTX 12.0": the code in a file; "" when there is none. With a plan: what that keeps of it.
std::string held_architectures(const DeviceContents& fatbins, const CarvePlan* plan = nullptr);

}  // namespace lathe
