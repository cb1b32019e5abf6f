// SPDX-License-Identifier: MIT
// What one recipe is, as far as the words of a matrix say it: releases, GPUs, instruction set, settings.
// What more it has is found by comparison: import_extra.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "matrix/variant.h"
#include "nix/record.h"

namespace lathe {

// What one recipe is, as far as a matrix can say it.
struct Explained {
  std::string file, stem;
  std::string pytorch, python, pin, hash, tarball_hash;
  std::string cuda;                 // "" : CPU only
  std::string carver, carver_hash;  // of one that is cut out of another
  bool of_nixpkgs = false;          // which is nixpkgs' own torch
  // of several GPUs: PTX for all, which only one that others are cut out of has
  bool ptx_of_each = false;
  std::vector<Capability> gpus;
  const Isa* isa = nullptr;
  std::vector<std::string> own_flags;  // that enable less than the catalogue's of this ISA
  std::string pname;
  std::string owner, repo, rev;  // of the source, where they are not what a matrix takes by itself
  std::map<std::string, std::string> words;  // of axes that are off unless used: "blas" -> "mkl"
  Settings settings;
};

// Why no matrix says what a recipe is.
class Failure {
 public:
  explicit Failure(std::string text) : why(std::move(text)) {}
  std::string why;
};

// "NAME" of "NAME.nix" and "NAME/default.nix".
std::string stem_of(std::string file);

// A Failure when no matrix can say it.
Explained explain(const Recorded& got);

// What a matrix of PyTorch does not speak of, and why; "" for a recipe to explain.
std::string why_left_alone(const Recorded& got);

}  // namespace lathe
