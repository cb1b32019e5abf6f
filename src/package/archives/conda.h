// SPDX-License-Identifier: MIT
// What a conda package says of itself, in the files of its folder info/, written again for changed files
// (CEP 34 of conda). Pure: texts in, texts out. Each function throws an Error, which names the file, on what
// is no such text.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace lathe {

struct CondaName {
  std::string name = {}, version = {}, build = {};
  // "pytorch-2.10.0-cuda129_py312_0": its file's name without its ending
  std::string stem() const { return name + "-" + version + "-" + build; }
};
// Of index.json. Error also where a part could not stand in a file's name.
CondaName conda_name(std::string_view index);

// "cuda129_py312_0" with the mark "sm90": "cuda129_py312_sm90_0", for the number at the end is the build's.
std::string conda_build_with(std::string_view build, std::string_view mark);

// index.json with another build string. `least_capability` ("9.0"; "" for none): the package constrains the
// virtual package __cuda_arch of CEP 46, which says the lowest of a machine's GPUs. No client has to know it.
std::string conda_index_with(std::string_view index, std::string_view build,
                             std::string_view least_capability);

struct CondaFile {
  Sha256 hash = {};
  std::uint64_t size = 0;
};
// paths.json: what changed has its new hash and size, and no hash of an installed form (sha256_in_prefix);
// what is gone has no entry. The prefix placeholders stay.
std::string conda_paths_with(std::string_view paths, const std::map<std::string, CondaFile>& changed,
                             const std::set<std::string>& gone);

// Lists of one path a line, as info/files: without those that are gone.
std::string conda_files_without(std::string_view files, const std::set<std::string>& gone);

// about.json, whose "extra" tells what was done: `tool`, and for which GPUs.
std::string conda_about_with(std::string_view about, std::string_view tool, std::string_view gpus,
                             std::string_view old_build);

}  // namespace lathe
