// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <new>

extern "C" void* c10_alloc(std::size_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }
extern "C" void c10_free(void* memory) { std::free(memory); }
