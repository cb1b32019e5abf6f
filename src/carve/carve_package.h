// SPDX-License-Identifier: MIT
// Carves every library of a package on all cores: of a folder (a Python package, a virtual environment, a Nix
// output) in place file by file, or into a new one that appears whole or not at all; of a wheel into a new
// wheel. How a package is read and written is package/'s.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/finding.h"
#include "carve/carve.h"
#include "carve/loose.h"
#include "inspect/carve_record.h"
#include "inspect/not_read.h"
#include "package/kinds.h"
#include "package/package.h"
#include "package/place_journal.h"
#include "package/writer.h"

namespace lathe {

struct CarvePackageOptions {
  CarveOptions carve = {};
  bool include_vendor = false;
  unsigned threads = 0;  // 0: all cores
  // label of PEP 825 for a wheel, or "auto"; "": none
  std::string wheel_variant = {};
  bool to_be_kept = false;        // PackageWriteOptions::to_be_kept
  bool merge_duplicates = false;  // of an image: what later layers delete or replace goes
  bool keep_name = false;  // a wheel keeps version and file name, for an index that has one root for each GPU
  // called from any thread, one at a time
  std::function<void(std::size_t done, std::size_t all)> progress = {};
  std::function<void(std::uint64_t bytes)> on_packed = {};  // of a wheel's changed members, so far
  PlaceJournal* journal = nullptr;                          // PackageWriteOptions::journal
};

// A file that no target has a use for.
struct GoneFile {
  std::string path;
  std::uint64_t size = 0;
  std::string code = {};  // what it was for, "10.0a"; "" of what lay beside such a file
};

// Files of an image that later layers delete or replace, and that went.
struct MergedFiles {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

struct CarvedPackage {
  std::vector<CarvedFile> files;  // ELF files that hold device code or were changed, by path
  std::size_t other_files = 0;
  std::uint64_t old_size = 0, new_size = 0;  // of all regular files, unpacked
  bool fault = false;                        // one of the failures is the machine's: exit code 3
  LooseDropped loose = {};
  std::vector<GoneFile> gone = {};     // the same, file by file
  std::vector<NotRead> not_read = {};  // other files that may hold device code; they are as they were
  // FIFOs, sockets and devices, which a new folder does not get: warnings
  Findings left_out = {};
  Findings failures;  // files that could not be carved; in place they are as they were

  // Of a package that is a file, or an image:
  std::string_view kind = {};       // its kind's name
  std::filesystem::path path = {};  // of the new one; empty when nothing was written
  // not empty: why nothing in it changes; `path` is a copy then, under its own name
  std::string unchanged = {};
  std::uint64_t old_file_size = 0, new_file_size = 0;  // where there is a new one
  std::vector<WrittenLayer> layers = {};               // of a new container image
  std::string sha256 = {};                             // of a new wheel, where it was asked for
  MergedFiles merged = {};                             // of a new container image too

  std::size_t count(Outcome outcome) const;
  // Bytes of what is kept that the driver picks for none of the targets, and that `minimal` would drop.
  std::uint64_t minimal_saves() const;
  // 1 when something failed or was not read, or a library has no code for one of the targets.
  int exit_code() const;
};

// `destination`: the new folder, or the old one itself; of a wheel a folder, into which it goes under its new
// name (it is made when it is missing), or that name itself. Error when something is there already, or when
// the package is damaged or hostile. Where no file holds code for any target nothing is written: a failure.
// `kind` is one that is written, and opened `package`.
CarvedPackage carve_package(const PackageKind& kind, const Package& package,
                            const std::filesystem::path& destination, const CarvePackageOptions& options);
// The same of the package at a path. Error when it is none.
CarvedPackage carve_package(const std::filesystem::path& source, const std::filesystem::path& destination,
                            const CarvePackageOptions& options);

// Written into each carved package; `inspect` shows it.
inline constexpr std::string_view manifest_name = carve_record_name;

}  // namespace lathe
