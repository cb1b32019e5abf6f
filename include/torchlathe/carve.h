// SPDX-License-Identifier: MIT
// The same library, folder or wheel for fewer GPUs. Several threads may carve at once, if no two write to
// one place. A result is written beside its place, checked against what it comes from and renamed: after an
// Error, or when the program is killed, the place holds what it held before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

struct CarveOptions {
  // Devices to keep code for: "9.0"; "9.0+PTX" also the PTX that the device would compile. At least one.
  std::vector<std::string> gpus;
  bool minimal = false;         // keep the driver's one pick and nothing else
  bool keep_special = false;    // of a container with nothing for these GPUs keep the smallest image
  bool require_full = false;    // a container with nothing for a device is an error
  bool strip_symbols = false;   // drop symbol and debug tables too
  bool dry_run = false;         // say what would happen, write nothing
  bool include_vendor = false;  // in folders NVIDIA's own libraries too: mind their licence
  unsigned threads = 0;         // for a folder or a wheel; 0: all usable cores
  // of a folder or a wheel: files so far, of all; called from any thread, one at a time
  std::function<void(std::size_t done, std::size_t all)> progress;
};

struct CarvedFile {
  std::string path;                            // as given, in a folder below it
  std::string outcome;                         // "carved"; or why it is as it was
  std::uint64_t old_bytes = 0, new_bytes = 0;  // its size
  std::size_t images = 0, images_kept = 0;     // of device code
  std::string old_code, new_code;              // "8.0, 9.0, PTX 9.0"
  std::vector<Finding> findings;
};

struct Carved {
  std::vector<CarvedFile> files;               // that hold device code
  std::uint64_t old_bytes = 0, new_bytes = 0;  // of all files
  std::vector<Finding> failures;               // files of a folder that could not be carved
  std::filesystem::path path;                  // of what was written; empty: nothing was
};

// A file or a folder. Where `destination` is `source` itself, it is carved in its place; else Error when
// something is there already. Of a wheel `destination` is a folder, which is made when it is missing; the new
// wheel's name follows from what it holds. Error when no code is for any of the devices.
Carved carve(const std::filesystem::path& source, const std::filesystem::path& destination,
             const CarveOptions& options);

}  // namespace torchlathe
