// SPDX-License-Identifier: MIT
// What CMakeLists.txt has the linker take for `stderr` and `stdout`: the real ones, kept in the module.
#include <cstdio>

extern "C" {
extern FILE* __real_stderr;
extern FILE* __real_stdout;
__attribute__((visibility("hidden"))) FILE* __wrap_stderr = __real_stderr;
__attribute__((visibility("hidden"))) FILE* __wrap_stdout = __real_stdout;
}
