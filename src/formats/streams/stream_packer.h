// SPDX-License-Identifier: MIT
// Compression into one stream, piece by piece, for readers that take no second one. Implemented in the .cpp
// of each library. The same content, however it is cut, makes the same bytes with the same version of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace lathe {

// Not for several threads at once.
class StreamPacker {
 public:
  virtual ~StreamPacker() = default;
  virtual std::string add(ByteSpan content) = 0;  // what is packed of it so far, and was not given out
  virtual std::string finish() = 0;               // the rest; nothing is added afterwards
};

// xz's own default level in blocks of 24 MiB, which `threads` pack (0: all cores).
std::unique_ptr<StreamPacker> pack_xz(unsigned threads);
// Blocks of 900 kB, on one core: bzip2's streams have no other way.
std::unique_ptr<StreamPacker> pack_bzip2();
// One Zstandard frame at level 3.
std::unique_ptr<StreamPacker> pack_zstd();

}  // namespace lathe
