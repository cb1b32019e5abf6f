// SPDX-License-Identifier: MIT
// What the audit knows of a recipe's parts: which shell lines it understands, and which parts no rule reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nix/record.h"

namespace lathe {

bool is_known_shell_line(std::string_view line);

// Parts beside attributes and arguments: overlays, Python packages, CUDA's own packages, MAGMA, nixpkgs'
// arguments; what is put onto the finished package. A sentence each.
struct UnreadPart {
  Place where;
  std::string what;
};
std::vector<UnreadPart> unread_parts(const Recorded& recorded, const RecordedPackage& package,
                                     const Place& whole);

// Settings of nixpkgs that no rule reads.
std::vector<std::string> unread_arguments(const RecordedNixpkgs& used);
std::vector<std::string> unread_config(const RecordedNixpkgs& used);

}  // namespace lathe
