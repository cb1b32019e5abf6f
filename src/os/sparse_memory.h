// SPDX-License-Identifier: MIT
// A large range of zeroed memory of which only the pages that are written cost anything: for files that are
// unpacked in part, each part at its own offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace lathe {

class SparseMemory {
 public:
  explicit SparseMemory(std::uint64_t size);  // an Error when there is no such range
  SparseMemory(SparseMemory&& other) noexcept;
  SparseMemory& operator=(SparseMemory&& other) noexcept;
  ~SparseMemory();

  std::span<std::byte> writable() { return {static_cast<std::byte*>(start_), size_}; }
  ByteSpan bytes() const { return {static_cast<const std::byte*>(start_), size_}; }

 private:
  void* start_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lathe
