// SPDX-License-Identifier: MIT
// A builder whose ssh gives no shell: many farms let a key run `nix-daemon --stdio` or `nix-store --serve
// --write` and nothing else. It is asked through Nix: what it can run is proven by a derivation whose
// builder is the proof program itself. Memory and disk stay unknown. Knows nothing of jobs.
#pragma once

#include <string>

#include "jobs/builders/builder.h"
#include "nix/machines.h"
#include "os/process.h"

namespace lathe {

// Fills `builder`, or its problem. Within 80 seconds. Leaves a file of 1.2 kB and one
// of half a kilobyte in both stores, until garbage is collected there.
void ask_through_nix(Builder& builder, const RunProcess& run);

// Does the Nix here leave building to a daemon? Then that one's ssh and its keys count (often root's), not
// this user's.
bool builds_by_daemon();

// For a builder that this user's ssh does not reach, its problem: is it proven through the daemon? Within 60
// seconds.
void ask_through_daemon(Builder& builder, const RunProcess& run);

// Does one that was asked so still build? Within 60 seconds.
bool answers_daemon(const Builder& builder, const RunProcess& run);

// As Nix takes it on a command line: the machine's URI with its key and host key.
std::string store_uri(const NixMachine& machine);

}  // namespace lathe
