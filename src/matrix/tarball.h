// SPDX-License-Identifier: MIT
// Tarballs as matrix files name them: an address and, where it is known, the hash of what is inside.
#pragma once

#include <optional>
#include <string>

#include "base/toml.h"

namespace lathe {

// An address that builtins.fetchTarball takes and that needs no quoting in a recipe, or an Error with the
// place.
std::string read_tarball_url(const Toml& value);

// `sha256` of a table, nullopt when it has none: taken as it comes. "": a first build tells it.
std::optional<std::string> read_tarball_hash(const Toml& table);

}  // namespace lathe
