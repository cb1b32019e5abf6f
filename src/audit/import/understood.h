// SPDX-License-Identifier: MIT
// What the audit knows of a recipe's parts: which shell lines it understands, and which parts no rule reads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nix/record.h"

namespace lathe {

// What settings.compile_cache sets, beside the folder.
inline constexpr std::string_view compile_cache_variables[] = {"CCACHE_UMASK",
                                                               "CCACHE_BASEDIR",
                                                               "CCACHE_NOHASHDIR",
                                                               "CCACHE_SLOPPINESS",
                                                               "CCACHE_COMPILERCHECK",
                                                               "CMAKE_C_COMPILER_LAUNCHER",
                                                               "CMAKE_CXX_COMPILER_LAUNCHER",
                                                               "CMAKE_CUDA_COMPILER_LAUNCHER"};

bool is_known_shell_line(std::string_view line);

// Parts beside attributes and arguments: overlays, Python packages, CUDA's own packages, MAGMA, nixpkgs'
// arguments; what is put onto the finished package. A sentence each.
struct UnreadPart {
  Place where;
  std::string what;
};
// `as_asked`: packages that an overlay changes to what the matrix asks for.
std::vector<UnreadPart> unread_parts(const Recorded& recorded, const RecordedPackage& package,
                                     const Place& whole, std::span<const std::string> as_asked = {});

// Of the packages that overlays of `got` change, those that become what `asked` has as an argument of
// override: for torch it is one thing. And lapack, where it has the provider of such a blas.
std::vector<std::string> overlaid_as_asked(const RecordedPackage& got, const RecordedPackage& asked);

// Settings of nixpkgs that no rule reads.
std::vector<std::string> unread_arguments(const RecordedNixpkgs& used);
std::vector<std::string> unread_config(const RecordedNixpkgs& used);

}  // namespace lathe
