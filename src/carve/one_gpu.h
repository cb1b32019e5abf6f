// SPDX-License-Identifier: MIT
// Files that are for one GPU as a whole without being an image of its machine code: libraries that a program
// loads by the GPU in their name, and what Triton's cache keeps beside a kernel. Reads names and Triton's
// small indexes; loose images are loose.h's.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "device/target.h"
#include "package/package.h"

namespace lathe {

// The GPU in the file name of a library that its program loads on that GPU alone
// ("libnvinfer_builder_resource_sm90.so.10.13.3"); nullopt: none of those.
std::optional<Target> target_in_name(std::string_view file_name);
// The same library for every GPU that has none of its own.
bool is_for_other_gpus(std::string_view file_name);

// Members of a package that are of no use without others.
struct LeftAlone {
  std::vector<std::size_t> files = {};    // indexes last: as long as one is there, the rest is found
  std::vector<std::size_t> folders = {};  // in which nothing else lies
  bool operator==(const LeftAlone&) const = default;
};

// Triton keeps each kernel in a folder of its own: machine code, what it was made from and an index
// (`__grp__KERNEL.json`) that names them. It looks for the whole under a name that stands for kernel and GPU,
// takes what the index names and is there, and fails where the machine code is not. So of a kernel whose
// machine code is `gone` everything goes, before the machine code: then Triton compiles it again.
LeftAlone left_of_triton(const Package& package, const std::set<std::size_t>& gone);

}  // namespace lathe
