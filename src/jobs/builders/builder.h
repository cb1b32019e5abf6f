// SPDX-License-Identifier: MIT
// The machines that build: this one and Nix's remote builders. Each is asked what it is before anything is
// built: does it answer, which Nix, which instructions can it run, how much memory and disk is free. What a
// builder can run is proven on it: cpu_proof.cpp is sent through ssh and answers with CPUID and XCR0; Arm's
// kernel lists HWCAP. One without a shell is asked through Nix (nix_probe.h). Knows nothing of jobs' order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/catalog.h"
#include "host/host_info.h"
#include "matrix/variant.h"
#include "nix/machines.h"
#include "os/process.h"

namespace lathe {

struct Builder {
  NixMachine machine = {};   // without URI: this machine
  std::string name = {};     // "here", "root@arm1"
  std::string problem = {};  // why nothing can be built there; "": it can
  bool shell = true;         // ssh gives one there; otherwise it was asked through Nix
  bool by_daemon = false;    // only the ssh of Nix's daemon gets there, not this user's
  std::string nix = {};      // "Nix 2.8.0"; "": not known
  std::vector<std::string> systems = {};
  HostCpu cpu = {};
  // of what it can run: "CPUID and XCR0", "HWCAP", "the kernel's list"; "": nothing is known of that
  std::string proof = {};
  unsigned cores = 0;
  std::uint64_t memory = 0, memory_free = 0, disk_free = 0;  // bytes; 0: not known

  bool is_here() const { return machine.uri.empty(); }
};

// What a derivation asks of its builder.
struct BuilderNeeds {
  std::string system = {};  // "x86_64-linux", "builtin"; "": not known
  std::vector<std::string> features = {};
  const Isa* isa = nullptr;  // code for it is run while building; nullptr: none
};

Builder this_builder(unsigned jobs, std::uint64_t memory_free);

// All at once, each within 20 seconds, without a shell within 100. The result has one for each machine, in
// their order.
std::vector<Builder> probe_builders(const std::vector<NixMachine>& machines, const RunProcess& run);

// What the probe's script printed.
void read_probe(Builder& builder, std::string_view text);

// Does it still answer? Within 15 seconds, through a daemon 60.
bool answers(const Builder& builder, const RunProcess& run);

// "" when it can be built there, else why not: "lacks avx512f".
std::string why_not_there(const Builder& builder, const BuilderNeeds& needs);

// NIX_SSHOPTS that Nix' own ssh is given: the user's, and that a connection which is silent for a minute is
// given up.
std::string patient_ssh_options();

}  // namespace lathe
