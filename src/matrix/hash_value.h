// SPDX-License-Identifier: MIT
// Hashes as matrix files have them. Knows how one is spelled, not what it is of.
#pragma once

#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/toml.h"

namespace lathe {

// An Error with the place for what is no SRI sha256; "" is one: a first build finds it.
void check_sri(const Toml& value);

// The same for an unpacked tarball, for which Nix's own base32 is usual too.
void check_tarball_hash(const Toml& value);

// Any of Nix's spellings of a SHA-256: SRI, or hexadecimal, base32 or base64 with or without "sha256:";
// nullopt: none of them.
std::optional<Sha256> read_sha256(std::string_view text);

}  // namespace lathe
