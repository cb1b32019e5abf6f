// SPDX-License-Identifier: MIT
// Hashes and addresses of tarballs as matrix files have them. Knows how they are spelled, not what they are
// of.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/toml.h"

namespace lathe {

// An Error with the place for what is not an SRI sha256; "" is one: a first build finds it.
void check_sri(const Toml& value);

// The same for an unpacked tarball, for which Nix's own base32 is usual too.
void check_tarball_hash(const Toml& value);

// Any of Nix's spellings of a SHA-256: SRI, or hexadecimal, base32 or base64 with or without "sha256:";
// nullopt: none of them.
std::optional<Sha256> read_sha256(std::string_view text);

// An address that builtins.fetchTarball takes and that needs no quoting in a recipe, or an Error with the
// place.
std::string read_tarball_url(const Toml& value);

// `sha256` of a table, nullopt when it has none: taken as it comes. "": a first build tells it.
std::optional<std::string> read_tarball_hash(const Toml& table);

}  // namespace lathe
