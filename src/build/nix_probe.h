// SPDX-License-Identifier: MIT
// A builder whose ssh gives no shell: many farms let a key run `nix-daemon --stdio` or `nix-store --serve --write` and nothing else.
// It is asked through Nix: what it can run is proven by a derivation whose builder is the proof program itself. Memory and disk stay
// unknown. Knows nothing of jobs.
#pragma once

#include "build/builder.h"

namespace lathe {

// Fills `builder`, or its problem. Within 80 seconds. Leaves a file of 1.2 kB and one
// of half a kilobyte in both stores, until garbage is collected there.
void ask_through_nix(Builder& builder, const RunProcess& run);

// As Nix takes it on a command line: the machine's URI with its key and host key.
std::string store_uri(const NixMachine& machine);

}  // namespace lathe
