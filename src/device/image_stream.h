// SPDX-License-Identifier: MIT
// Containers in a file that arrives in order, from its start: which bytes of it are images. Recognised by
// the containers' own bytes alone; whether they lay where containers lie is for those to check who have the
// whole file.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace lathe {

struct ImageExtent {
  std::uint64_t begin = 0, end = 0;  // of the payload, its padding included, from the start of the file
  std::uint64_t unpacked_size = 0;   // as the container claims
};

// One file's; not to be shared between threads.
class ImageStream {
 public:
  virtual ~ImageStream() = default;

  // The next image whose header is among the first `filled` bytes of `file`; nullopt: none yet. It may go on
  // behind `filled`. Bytes of images that it gave back are not read again.
  virtual std::optional<ImageExtent> next(ByteSpan file, std::uint64_t filled) = 0;
};

}  // namespace lathe
