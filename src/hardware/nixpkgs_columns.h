// SPDX-License-Identifier: MIT
// A row of nixpkgs.toml as it is written, for what holds it against a nixpkgs at hand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"

namespace lathe {

// By column; a flag is "true" or "false".
using NixpkgsColumns = std::map<std::string, std::vector<std::string>>;

// Of a row by its `since`, or of a revision, with what pins.toml says of it. nullopt: there is none.
std::optional<NixpkgsColumns> nixpkgs_columns(std::string_view since_or_rev);

// Is the column a list in the tables, however many items it has?
bool is_list_column(std::string_view name);

// What nixpkgs compiles for with a release of CUDA where its configuration names no capability: what public
// caches hold.
struct DefaultGpus {
  std::string cuda;  // "12.8"
  std::vector<Capability> capabilities;
  Provenance provenance;
};
// nullptr where that is not known.
const DefaultGpus* default_gpus(const Version& cuda);

// Has what is built so machine code that runs there? NCCL has nothing else for it: its PTX is of the last of
// these GPUs. True where it is not known.
bool is_built_by_default(Capability capability, const Version& cuda);

}  // namespace lathe
