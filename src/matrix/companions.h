// SPDX-License-Identifier: MIT
// torchvision and torchaudio in a matrix file: `companions` and the tables of their sources.
#pragma once

#include "base/toml.h"
#include "matrix/spec.h"

namespace lathe {

// [matrix] companions = [...], [torchvision."0.25.0"], [torchaudio."2.10.0"] into `spec`.
void read_companions(const Toml& root, MatrixSpec& spec);

// Does each PyTorch of this block have its companions' sources, and does its pattern tell their names apart?
void check_companions(const Toml& table, const Block& block, const MatrixSpec& spec);

// The companion's source for this PyTorch: from its table, or nixpkgs' own (no version) where that ships
// this PyTorch.
std::shared_ptr<const CompanionSource> companion_source(const MatrixSpec& spec, const std::string& package,
                                                        const std::string& pytorch);

}  // namespace lathe
