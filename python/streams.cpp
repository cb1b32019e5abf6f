// SPDX-License-Identifier: MIT
// Debian compiles libbz2.a for programs: its messages reach stdin, stdout and stderr in a way that only a program
// can. In a module the linker gives these copies instead (--wrap in CMakeLists.txt).
#include <cstdio>

extern "C" {
extern FILE* __real_stdin;
extern FILE* __real_stdout;
extern FILE* __real_stderr;
__attribute__((visibility("hidden"))) FILE* __wrap_stdin = __real_stdin;
__attribute__((visibility("hidden"))) FILE* __wrap_stdout = __real_stdout;
__attribute__((visibility("hidden"))) FILE* __wrap_stderr = __real_stderr;
}
