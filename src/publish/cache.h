// SPDX-License-Identifier: MIT
// A plain Nix binary cache: which store paths a variant is, their copying and signing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "os/process.h"

namespace lathe {

// A finished build: the result links that `build` made in the state folder.
struct BuiltVariant {
  std::string store_path = {};            // what is installed: the output "out"
  std::vector<std::string> outputs = {};  // all, that one first
};

// nullopt: there is none, or it has been collected since.
std::optional<BuiltVariant> built_variant(const std::filesystem::path& state, const std::string& name);

// Bytes of `store_path` and all that it needs; 0 where Nix cannot tell.
std::uint64_t closure_bytes(const std::string& store_path, const RunProcess& run = run_process);

// Does `store_path` need one of `others`, as a companion needs its PyTorch?
bool needs_any(const std::string& store_path, const std::vector<std::string>& others,
               const RunProcess& run = run_process);

struct Cache {
  std::string uri = {};                    // as Nix writes it
  std::string key_file = {};               // secret key for signatures; "": none
  std::vector<std::string> settings = {};  // "NAME=VALUE", Nix's --option
};

// "cache.example.org-1:BASE64" of the secret key in `key_file`. An Error when it is none.
std::string public_key_of(const std::string& key_file, const RunProcess& run = run_process);

// Copies and signs; "" when all went well, else what Nix said.
std::string copy_to_cache(const Cache& cache, const BuiltVariant& built, const RunProcess& run = run_process);

}  // namespace lathe
