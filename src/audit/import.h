// SPDX-License-Identifier: MIT
// Reads a folder of recipes back into a matrix file: the fewest products of axes whose variants are what the recipes
// evaluate to. What no matrix can say is a list.
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
  std::string matrix;        // the file's text
  std::size_t explained = 0, blocks = 0;
  std::vector<Unexplained> unexplained;
};

Imported import_folder(const RecordedFolder& folder, const std::string& name);

}  // namespace lathe
