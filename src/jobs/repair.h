// SPDX-License-Identifier: MIT
// What a diagnosis lets us mend: a hash, in the matrix file, which is the source of truth. Pure but for a
// table of archives that the matrix names: says which bytes to change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "diagnose/diagnose.h"
#include "matrix/spec.h"
#include "matrix/variant.h"

namespace lathe {

struct HashRepair {
  std::string key;       // "pytorch.2.10.0.hash", "cuda_packages.sha256"
  std::string old_hash;  // as the matrix file has it; or the table, for one of CUDA's archives
  std::string new_hash;  // what Nix computed, as SRI
  Place where;           // of the value in the mended matrix file
  std::string text;      // the whole file, mended

  // "m.toml:9:8: KEY was "", is now "sha256-...""
  std::string described(std::string_view was, std::string_view is) const;
};

// nullopt when the diagnosis is not a hash mismatch, or the hash that failed is none of those that this file
// has, or could have, for the variant: another derivation's hash is never touched. `matrix_text` is what
// `spec` was read from. `for_companions`: what failed is needed by companions alone, so it is not the source
// of their PyTorch.
std::optional<HashRepair> find_hash_repair(std::string_view matrix_text, const MatrixSpec& spec,
                                           const Variant& variant, const Diagnosis& diagnosis,
                                           bool for_companions = false);

// Asks for each tarball's hash that the matrix does not have: evaluation will then tell it, as a mismatch.
void ask_for_tarball_hashes(MatrixSpec& spec);

}  // namespace lathe
