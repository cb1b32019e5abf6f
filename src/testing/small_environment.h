// SPDX-License-Identifier: MIT
// For tests: a site-packages folder as installers leave it, small, with all that a shrink changes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "testing/scratch_folder.h"

namespace lathe::testing {

// Below `site` in the scratch folder, by gcc. For 12.0 and others:
//   fat 1.0    lib/a.so, lib/b.so (8.0, 12.0), lib/same.so (a hard link to a.so), text
//   loose 2.0  cubins/*.cubin (10.0a, 10.0, 12.0), checksums.txt
//   no RECORD  triton/OLD (10.0a), triton/NEW (12.0): Triton's cache; alone.so; link.so
void write_small_environment(const ScratchFolder& folder, const std::string& site);

// Writes RECORD of a distribution over the files below these names of a site-packages folder.
void write_record(const std::filesystem::path& site, const std::string& distribution,
                  const std::string& package);

using FolderContents = std::map<std::string, std::string>;  // of files by path, of links what they name
FolderContents contents_of(const std::filesystem::path& folder);

// Each line of the RECORDs and lists of checksums below `folder` that is not so, and files of a listed
// package that no line is of; "" where all is true.
std::string wrong_lists(const std::filesystem::path& folder);

}  // namespace lathe::testing
