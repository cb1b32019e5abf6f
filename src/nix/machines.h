// SPDX-License-Identifier: MIT
// Nix's remote builders as --builders and machines files write them: one a line (or between ';'), fields
// between blanks, "-" for a field's default: URI, systems, SSH key, jobs, speed, features, mandatory
// features, host key. Knows nothing of what is built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lathe {

struct NixMachine {
  // "ssh-ng://root@arm1?remote-store=..."; Nix takes a bare "arm1" for ssh://arm1
  std::string uri = {};
  std::vector<std::string> systems = {};  // empty: that of the machine that asks
  std::string ssh_key = {};               // file; "": ssh's own choice
  unsigned max_jobs = 1;
  double speed = 1;
  std::vector<std::string> features = {}, mandatory = {};
  std::string host_key = {};  // base64 of "ssh-ed25519 AAAA..."; "": as known_hosts says

  bool offers(std::string_view feature) const;  // among `features` or `mandatory`
};

// `text`: machines, or "@FILE" (also as a line of a file). A file that is not there holds none, as for Nix;
// a bad line is an Error.
std::vector<NixMachine> read_machines(std::string_view text);

// One line, as Nix reads it.
std::string text_of(const NixMachine& machine);

// Where ssh goes for this machine. `protocol`: "ssh", "ssh-ng", or another, whose machine cannot be reached
// by ssh.
struct SshPlace {
  std::string protocol, host, port, key, remote_store, remote_program;
};
SshPlace ssh_place(const NixMachine& machine);

}  // namespace lathe
