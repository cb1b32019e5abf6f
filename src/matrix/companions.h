// SPDX-License-Identifier: MIT
// Packages beside PyTorch in a matrix file: torchvision and torchaudio (`companions` and the tables of their
// sources), and [cuda_packages].
#pragma once

#include <memory>
#include <string>

#include "base/toml.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

// [matrix] companions = [...], [torchvision."0.25.0"], [torchaudio."2.10.0"] into `spec`.
void read_companions(const Toml& root, MatrixSpec& spec);

// Sets spec.cuda_packages, where the file has such a table. Knows no archive and no table of NVIDIA's: those
// are recipe/redist.h's.
void read_cuda_packages(const Toml& root, MatrixSpec& spec);

// Does each PyTorch of this block have its companions' sources, and does its pattern tell their names apart?
void check_companions(const Toml& table, const Block& block, const MatrixSpec& spec);

// The companion's source for this PyTorch: from its table, or nixpkgs' own (no version) where that ships
// this PyTorch.
std::shared_ptr<const CompanionSource> companion_source(const MatrixSpec& spec, const std::string& package,
                                                        const std::string& pytorch);

}  // namespace lathe
