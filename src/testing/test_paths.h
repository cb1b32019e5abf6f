// SPDX-License-Identifier: MIT
// For tests alone: where the source tree and what the build made for them lie. In variables and not in
// macros, so that a compile cache serves every checkout: only the generated test_paths.cpp differs.
#pragma once

namespace lathe::testing {

extern const char* const source_folder;
extern const char* const fake_nvml_library;

}  // namespace lathe::testing
