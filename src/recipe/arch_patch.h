// SPDX-License-Identifier: MIT
// PyTorch's own parser of TORCH_CUDA_ARCH_LIST: what a source tree's select_compute_arch.cmake takes, found
// by running it under the real CMake; and a patch for a tree that refuses what is asked for, made of that
// tree's own text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/process.h"

namespace lathe {

// Where the file is in a PyTorch source tree.
inline constexpr std::string_view arch_parser_path =
    "cmake/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake";

// The file itself, or that of a source tree, an installed torch or a folder that holds one. An Error when
// there is none.
std::filesystem::path find_arch_parser(const std::filesystem::path& place);

// The text with its numeric expressions widened: any N.N with a or f. nullopt when it has none that is known.
std::optional<std::string> widen_arch_parser(std::string_view text);

// A patch for `patch -p1`, from `before` to `after`, which have the same number of lines.
std::string unified_patch(std::string_view path, std::string_view before, std::string_view after);

struct ArchAnswer {
  std::string token;
  bool taken = false;
  std::string flags;    // "-gencode;arch=compute_120f,code=sm_120f"
  std::string refusal;  // CMake's own words
};

// Runs CMake on the file for each token. An Error when there is no CMake, or the file defines no such
// function.
std::vector<ArchAnswer> ask_arch_parser(std::string_view text, const std::vector<std::string>& tokens,
                                        const RunProcess& run = run_process);

}  // namespace lathe
