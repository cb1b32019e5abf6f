// SPDX-License-Identifier: MIT
#include "os/sparse_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "base/error.h"

namespace lathe {

SparseMemory::SparseMemory(std::uint64_t size) : size_(size) {
  if (size == 0) return;
  void* start =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) throw system_error("get memory", "", errno);
  start_ = start;
}

SparseMemory::SparseMemory(SparseMemory&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SparseMemory& SparseMemory::operator=(SparseMemory&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  return *this;
}

SparseMemory::~SparseMemory() {
  if (start_) ::munmap(start_, size_);
}

}  // namespace lathe
