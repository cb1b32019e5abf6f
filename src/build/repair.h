// SPDX-License-Identifier: MIT
// What a diagnosis lets us mend: a hash, in the matrix file, which is the source of truth. Pure: says which bytes to change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "diagnose/diagnose.h"
#include "matrix/variant.h"

namespace lathe {

struct HashRepair {
  std::string key;        // "pytorch.2.10.0.hash", "nixpkgs.canonical.sha256"
  std::string old_hash;   // as the matrix file has it
  std::string new_hash;   // as Nix computed it
  Place where;            // of the value in the matrix file
  std::string text;       // the whole file, mended
};

// nullopt when the diagnosis is no hash mismatch, or the hash that failed is none of the variant's in this file: another
// derivation's hash is never touched.
std::optional<HashRepair> find_hash_repair(std::string_view matrix_text, const std::string& file, const Variant& variant,
                                           const Diagnosis& diagnosis);

}  // namespace lathe
