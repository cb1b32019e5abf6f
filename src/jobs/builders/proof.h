// SPDX-License-Identifier: MIT
// The program that proves what an x86-64 builder can run (cpu_proof.cpp, embedded), and what its answers
// mean. How it gets to the builder is builder.cpp's matter (through a shell) or nix_probe.cpp's (through
// Nix).
#pragma once

#include <string_view>

#include "host/host_info.h"

namespace lathe {

// An ELF file; "" where this torchlathe was not built on x86-64.
std::string_view proof_program();

// "leaf subleaf eax ebx ecx edx" and "xcr0 high low amx" on lines, hexadecimal. False, and nothing changed,
// when that is not there.
bool read_proof(HostCpu& cpu, std::string_view text);

}  // namespace lathe
