// SPDX-License-Identifier: MIT
// A member of a wheel as memory: mapped in place when it is stored, unpacked into sparse memory when it is
// deflated. Of a deflated file the images of fat binaries, which are most of a CUDA library, are left out
// (they read as zeros) but for their headers and the small ones: so a library of 450 MB takes the memory of
// the rest.
#pragma once

#include <optional>
#include <string>

#include "base/hash.h"
#include "inspect/inspect.h"
#include "formats/zip.h"
#include "os/sparse_memory.h"

namespace lathe {

// Up to look_size (known_formats.h) first bytes, or `most`. Error when damaged.
std::string start_of(const ZipMember& member, std::uint64_t most = 512);

class WheelMember {
 public:
  // nullopt: its first bytes show that it is nothing with machine code (only they were unpacked). Error when
  // damaged. `hash`: gets all bytes, also those that are left out.
  static std::optional<WheelMember> open(const ZipMember& member, Sha256Stream* hash = nullptr);

  ByteSpan bytes() const { return memory_ ? memory_->bytes() : stored_; }
  const ByteRanges& absent() const { return absent_; }  // images that were left out

 private:
  ByteSpan stored_;
  std::optional<SparseMemory> memory_;
  ByteRanges absent_;
};

}  // namespace lathe
