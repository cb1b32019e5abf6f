// SPDX-License-Identifier: MIT
// Carves every library of a folder (a Python package, a virtual environment, a Nix output) on all cores. In
// place file by file, or into a new folder that appears whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "inspect/carve_record.h"
#include "inspect/not_read.h"
#include "package/package.h"
#include "carve/carve.h"

namespace lathe {

struct TreeOptions {
  CarveOptions carve = {};
  bool include_vendor = false;
  bool own_copy = false;  // the source is the caller's to change: a wheel's unpacked libraries
  unsigned threads = 0;   // 0: all cores
  bool write_manifest = true;
  // for messages, if it is not the folder's own
  std::string name = {};
  // label of PEP 825 for a wheel, or "auto"; "": none
  std::string wheel_variant = {};
  // called from any thread, one at a time
  std::function<void(std::size_t done, std::size_t all)> progress = {};
  std::function<void(std::uint64_t bytes)> on_packed = {};  // of a wheel's changed members, so far
};

struct CarvedTree {
  std::vector<CarvedFile> files;  // ELF files that hold device code or were changed, by path
  std::size_t other_files = 0;
  std::uint64_t old_size = 0, new_size = 0;  // of all regular files
  bool fault = false;                        // one of the failures is the machine's: exit code 3
  std::vector<NotRead> not_read = {};        // other files that may hold device code; they are as they were
  // FIFOs, sockets and devices, which a new folder does not get: warnings
  Findings left_out = {};
  Findings failures;  // files that could not be carved; in place they are as they were

  std::size_t count(Outcome outcome) const;
  // Bytes of what is kept that the driver picks for none of the targets, and that `minimal` would drop.
  std::uint64_t minimal_saves() const;
  // 1 when something failed or was not read, or a library has no code for one of the targets.
  int exit_code() const;
};

// What carve_tree would make of a folder of its own (`own_copy`) with these members of a package in it. Makes
// no file; in memory are the members that are looked at just now, without the large images in them. Error
// when one is damaged.
CarvedTree plan_members(const Package& package, std::vector<std::size_t> libraries,
                        const TreeOptions& options);

// Where no file holds code for any target nothing is written: a failure. Error when `destination` is there
// already.
CarvedTree carve_tree(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const TreeOptions& options);

// Written into each carved folder; `inspect` shows it.
inline constexpr std::string_view manifest_name = carve_record_name;

}  // namespace lathe
