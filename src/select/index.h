// SPDX-License-Identifier: MIT
// The index of published variants (docs/formats/index.md): where it is fetched from, and what its records
// say. All of it may have been chosen by somebody hostile, so that nothing of it comes into a command
// unchecked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace lathe {

inline constexpr std::string_view index_format = "torchlathe-index";
inline constexpr std::int64_t index_version = 1;
inline constexpr std::string_view index_file = "index.json";

// A folder or a URL (http, https, file): what an index can be fetched from.
bool is_index_place(const std::string& text);

// The text of the index at `place` (a folder, the URL of one, or of the file itself). An Error after 30
// seconds, above 64 MiB, and where there is none.
std::string fetch_index(const std::string& place);

// What all records of an index share: how they are installed.
struct IndexHead {
  std::string name = {};
  std::string cache = {};              // Nix's URI of the binary cache; never empty
  std::vector<std::string> keys = {};  // public keys of its signatures; empty: it is not signed
};

// nullopt: this JSON is not an index. An Error for another version, and for what could not be handed to Nix.
// `place`: where it was fetched from, which is the cache unless the index names one.
std::optional<IndexHead> read_index_head(const Json& json, const std::string& place);

// Is it the path of something in a Nix store, and nothing more?
bool is_store_path(std::string_view text);

// An Error unless it is the address of a store that Nix copies from, and nothing that a shell, ssh or Nix
// would take for more.
void check_cache_address(const std::string& uri, const std::string& file = "");

// A store's address without what is nobody's business but its publisher's: of its parameters only those that
// say where it is.
std::string public_address(const std::string& uri);

// The commands that install all of `store_paths` at once, the shortest first.
std::vector<std::string> install_commands(const IndexHead& head, const std::vector<std::string>& store_paths);

}  // namespace lathe
