// SPDX-License-Identifier: MIT
// Reads a folder of recipes back into a matrix file: the fewest products of axes whose variants are what the
// recipes evaluate to, and [extra] for what the matrix has no word for. Each recipe is held against what
// `generate` writes for it, so nothing is lost without a word: what no matrix can say is a list.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nix/record.h"

namespace lathe {

struct Unexplained {
  std::string file, why;
};

struct Imported {
  std::string matrix;  // the file's text
  std::size_t explained = 0, blocks = 0;
  std::vector<Unexplained> unexplained;
  // overlays, modules, flakes; builds for other backends: no matrix speaks of them
  std::vector<Unexplained> left_alone;
};

// An Error without Nix, or when the folder cannot be listed.
Imported import_folder(const std::filesystem::path& folder, const std::string& name,
                       RecordOptions options = {});

}  // namespace lathe
