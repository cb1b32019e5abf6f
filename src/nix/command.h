// SPDX-License-Identifier: MIT
// How Nix is called for reading recipes: cut off from the machine. Building (with a store) is another matter.
#pragma once

#include <string>

#include "os/process.h"

namespace lathe {

// `program` (nix-instantiate) with a store that holds nothing and keeps nothing, no configuration of the
// machine or the user, no environment, no network, no import from derivation. Works as any user, without
// /nix and without a daemon. The caller adds what to evaluate, and its limits.
Process isolated_nix(const std::string& program);

}  // namespace lathe
