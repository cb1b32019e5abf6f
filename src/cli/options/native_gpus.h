// SPDX-License-Identifier: MIT
// What `--gpu native` means.
#pragma once

#include <string>

namespace lathe {

// The GPUs in this machine, as NVIDIA's management library tells them: "9.0,12.0", each once. Error when
// there is none.
std::string native_gpu_list();

}  // namespace lathe
