// SPDX-License-Identifier: MIT
// The same library or folder for fewer GPUs. Several threads may carve at once, if no two write to one place.
// A result is written beside its place, checked against what it comes from and renamed: after an Error, or
// when the program is killed, the place holds what it held before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "torchlathe/error.h"
#include "torchlathe/finding.h"

namespace torchlathe {

struct CarveOptions {
  // Devices to keep code for: "9.0"; "9.0+PTX" also the PTX that the device would compile. At least one.
  std::vector<std::string> gpus;
  bool minimal = false;         // keep the driver's one pick and nothing else
  bool require_full = false;    // a container with nothing for a device is an error
  bool strip_symbols = false;   // drop symbol and debug tables too
  bool dry_run = false;         // say what would happen, write nothing
  bool include_vendor = false;  // in folders NVIDIA's own libraries too: mind their licence
  unsigned threads = 0;         // for a folder; 0: all usable cores
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
};

// A file or a folder. Where `destination` is `source` itself, it is carved in its place; else Error when
// something is there already. Error when no code is for any of the devices; wheels are the program's
// (`torchlathe carve`).
Carved carve(const std::filesystem::path& source, const std::filesystem::path& destination,
             const CarveOptions& options);

}  // namespace torchlathe
