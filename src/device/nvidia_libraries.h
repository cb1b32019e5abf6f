// SPDX-License-Identifier: MIT
// Which libraries are NVIDIA's own, by SONAME, and under the names that tools give to the copies they put
// into wheels: libnvjpeg-1a359ba7.so.13 (auditwheel), libnvjpeg.4a0b5c81.so.13. Of those whose licence
// restricts changing them alone: NCCL is under the BSD licence and not among them.
#pragma once

#include <string_view>

namespace lathe {

bool is_nvidia_library(std::string_view soname);

// Free for everybody to change and pass on, wherever it lies.
bool is_free_nvidia_library(std::string_view soname);

// Keeps device code as data, and was seen on a GPU to do the same with every image emptied that no GPU there
// could run (docs/gpu-proof.md).
bool may_lose_embedded(std::string_view soname);

}  // namespace lathe
